-- How many blocks of a rule hold so many nodes.
SELECT rule, size(nodes) AS nodes, count(*) AS blocks FROM block GROUP BY rule, size(nodes)
