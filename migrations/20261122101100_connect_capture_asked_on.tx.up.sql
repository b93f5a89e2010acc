-- A capture may be asked for on the charge or on its intent, and is answered
-- with the one it was asked on, also by a sweeper that finishes it.
ALTER TABLE connect.captures ADD COLUMN asked_on_charge boolean NOT NULL DEFAULT false;
