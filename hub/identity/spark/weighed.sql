-- Every pair with the weight of its pattern.
SELECT /*+ BROADCAST(weight) */ l, r, weight FROM compared JOIN weight USING (vector)
