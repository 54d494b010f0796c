-- Schema identity as the live load has it, in the place of a held load that linked all records anew.
DELETE FROM identity.customer_registry;
INSERT INTO identity.customer_registry BY NAME FROM {live}.customer_registry;

DELETE FROM identity.customer_xref;
INSERT INTO identity.customer_xref BY NAME FROM {live}.customer_xref;

DELETE FROM identity.match_edge;
INSERT INTO identity.match_edge BY NAME FROM {live}.match_edge;

DELETE FROM identity.review_task;
INSERT INTO identity.review_task BY NAME FROM {live}.review_task;

DELETE FROM identity.merge_log;
INSERT INTO identity.merge_log BY NAME FROM {live}.merge_log;

DELETE FROM identity.blocked_value;
INSERT INTO identity.blocked_value BY NAME FROM {live}.blocked_value;

DELETE FROM identity.model;
INSERT INTO identity.model BY NAME FROM {live}.model;

DELETE FROM identity.term_frequency;
INSERT INTO identity.term_frequency BY NAME FROM {live}.term_frequency;

DELETE FROM identity.resolution_run;
INSERT INTO identity.resolution_run BY NAME FROM {live}.resolution_run;

DELETE FROM identity.match_key;
INSERT INTO identity.match_key BY NAME FROM {live}.match_key;
