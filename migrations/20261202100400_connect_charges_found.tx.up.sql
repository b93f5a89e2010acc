-- A list of payments is narrowed by amount, customer and the card's last four digits.
-- They stand behind the list's order in the index that every charge is in already: the
-- newest that fit are found in the index alone, and a charge writes no entry more.
CREATE INDEX charges_found ON connect.charges (account, livemode, id, amount, customer, (method ->> 'last4'));

DROP INDEX connect.charges_by_account;
