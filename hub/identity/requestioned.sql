-- Questions that were asked anew, in the place of what they were.
DELETE FROM linkage.question WHERE low IN (FROM id_stirred) OR high IN (FROM id_stirred);
INSERT INTO linkage.question BY NAME FROM id_asked;
CREATE TEMP VIEW id_question AS FROM linkage.question;
