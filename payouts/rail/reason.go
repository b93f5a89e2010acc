package rail

// CodeOf is the failure code of a bank's reason: one of Codes.
func CodeOf(reason string) string {
	if code, ok := reasons[reason]; ok {
		return code
	}
	return "could_not_process"
}

// reasons are those of ISO 20022 and of NACHA that say more than "not possible".
var reasons = map[string]string{
	"AC01": "invalid_account_number", "AC03": "invalid_account_number", "AC02": "insufficient_funds", "AC04": "account_closed",
	"AC05": "account_closed", "AC06": "account_frozen", "AC07": "account_closed", "AC13": "bank_account_restricted",
	"AC14": "bank_account_restricted", "AG01": "bank_account_restricted", "AG03": "bank_account_restricted", "AM04": "insufficient_funds",
	"AM03": "invalid_currency", "BE01": "incorrect_account_holder_name", "BE04": "incorrect_account_holder_address",
	"BE06": "no_account", "BE07": "incorrect_account_holder_address", "MD01": "debit_not_authorized", "MD02": "debit_not_authorized",
	"MD06": "debit_not_authorized", "MD07": "no_account", "MS02": "declined", "MS03": "declined", "RC01": "no_account", "SL01": "declined",

	"R01": "insufficient_funds", "R02": "account_closed", "R03": "no_account", "R04": "invalid_account_number", "R05": "debit_not_authorized",
	"R07": "debit_not_authorized", "R08": "declined", "R09": "insufficient_funds", "R10": "debit_not_authorized", "R11": "debit_not_authorized",
	"R12": "bank_ownership_changed", "R14": "account_closed", "R15": "account_closed", "R16": "account_frozen", "R17": "incorrect_account_holder_name",
	"R20": "bank_account_restricted", "R23": "declined", "R29": "debit_not_authorized",
}
