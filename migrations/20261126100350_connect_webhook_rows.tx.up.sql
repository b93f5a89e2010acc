-- For every delivery each of these constraints cost a look-up and a row lock, and the
-- first one locked the same few rows for everybody. What they said is kept by those
-- who write: endpoints keep their row when they are deleted, and an attempt is of a
-- delivery that was leased and is swept before it.
ALTER TABLE connect.webhook_deliveries DROP CONSTRAINT webhook_deliveries_endpoint_fkey;
ALTER TABLE connect.webhook_attempts DROP CONSTRAINT webhook_attempts_delivery_fkey;

-- Payloads of one to eight kilobytes stand in the row as they are: packing each of
-- them was the dearest step of writing a delivery, for rows that live a month.
ALTER TABLE connect.webhook_payloads ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE connect.webhook_payloads SET (toast_tuple_target = 8160);
