// Package banksim is the sandbox's bank. It keeps durable books of its own, pays
// at any hour from the arrival date on, like FPS, and lives by the time it is
// told: the sandbox's clock.
//
// The number of the creditor's account decides what happens. Three columns say
// where an instruction stands: when the bank has been told, on the day asked
// for, and a month later. The same holds in a file, where failures arrive in the
// bank's answers.
//
//	account     told      on the day  later     code                              what happens
//	others      accepted  paid        paid      -
//	…1113       accepted  failed      failed    account_closed
//	…1116       accepted  failed      failed    no_account
//	…2227       accepted  failed      failed    insufficient_funds
//	…3335       accepted  failed      failed    debit_not_authorized
//	…4440       failed    failed      failed    invalid_currency                  refused at once
//	…8101       accepted  failed      failed    account_frozen
//	…8102       accepted  failed      failed    bank_account_restricted
//	…8103       accepted  failed      failed    bank_ownership_changed
//	…8104       accepted  failed      failed    could_not_process
//	…8105       accepted  failed      failed    declined
//	…8106       accepted  failed      failed    invalid_account_number
//	…8107       accepted  failed      failed    incorrect_account_holder_name     the name does not match
//	…8108       accepted  failed      failed    incorrect_account_holder_address
//	…8109       accepted  failed      failed    incorrect_account_holder_tax_id
//	…8110       accepted  failed      failed    unsupported_card
//	…5558       accepted  paid        failed    account_closed                    back after two days
//	…5551       accepted  paid        failed    account_closed                    back after one day
//	…5553       accepted  paid        failed    account_closed                    back after three days
//	…5555       accepted  paid        failed    account_closed                    back after five days
//	…5557       accepted  paid        failed    account_closed                    back after seven days
//	…0009       accepted  accepted    accepted  -                                 stuck
//	…7777       unknown   paid        paid      -                                 taken, but the answer is lost
//	…6660       unknown   absent      absent    -                                 lost on the way; the next telling arrives
//	…8201       accepted  accepted    paid      -                                 missed the cut-off: paid a day later
//	…8203       accepted  accepted    paid      -                                 a holiday in between: paid three days later
//	…8301       accepted  paid        paid      -                                 a recall is refused
//	…8302       failed    failed      failed    could_not_process                 its whole file is refused
//	…8401       accepted  paid        paid      -                                 over ACH: a notification of change, C01
//	IBAN…013001 accepted  failed      failed    no_account                        DE62370400440532013001, any country
//	IBAN…013002 accepted  failed      failed    account_closed
//	IBAN…013003 accepted  failed      failed    insufficient_funds
//	IBAN…013004 accepted  failed      failed    debit_not_authorized
//	IBAN…013005 failed    failed      failed    invalid_currency
//
// A debit (money taken from the account) ends in the same way; one that comes back
// was not authorized. An instant instruction is carried out when it is told.
// What the bank has not paid yet it calls back, and what it has paid it brings
// back, except from …8301.
//
// A Desk takes instructions in files.
package banksim
