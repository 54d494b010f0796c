-- The touches that brought each customer's first order, by each model.
CREATE OR REPLACE TEMP TABLE acquired AS FROM golden.attribution WHERE is_acquisition;
