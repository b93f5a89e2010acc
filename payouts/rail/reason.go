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
	"AC01": "invalid_account_number", "AC03": "invalid_account_number", "AC04": "account_closed", "AC05": "account_closed", "AC06": "account_frozen",
	"AC07": "account_closed", "AC08": "bank_ownership_changed", "AC09": "invalid_currency", "AC11": "invalid_currency", "AC12": "bank_account_restricted",
	"AC13": "bank_account_restricted", "AC14": "bank_account_restricted", "AC15": "invalid_account_number", "AG01": "bank_account_restricted",
	"AG03": "bank_account_restricted", "AM03": "invalid_currency", "AM04": "insufficient_funds", "AM07": "declined", "AM11": "invalid_currency",
	"BE01": "incorrect_account_holder_name", "BE04": "incorrect_account_holder_address", "BE06": "no_account", "BE07": "incorrect_account_holder_address",
	"BE08": "incorrect_account_holder_name", "BE11": "incorrect_account_holder_address", "BE17": "incorrect_account_holder_tax_id",
	"BE20": "incorrect_account_holder_name", "BE21": "incorrect_account_holder_name", "BE22": "incorrect_account_holder_name", "BE23": "no_account",
	"CURR": "invalid_currency", "FR01": "declined", "LEGL": "declined", "MD01": "debit_not_authorized", "MD02": "debit_not_authorized",
	"MD06": "debit_not_authorized", "MD07": "no_account", "MS02": "declined", "MS03": "declined", "RC01": "no_account", "RC04": "no_account",
	"RC07": "no_account", "RC08": "no_account", "RC10": "no_account", "RR03": "incorrect_account_holder_address", "RR04": "declined",
	"SL01": "declined", "SL11": "bank_account_restricted", "SL12": "bank_account_restricted", "SL13": "bank_account_restricted", "SL14": "bank_account_restricted",

	"R01": "insufficient_funds", "R02": "account_closed", "R03": "no_account", "R04": "invalid_account_number", "R05": "debit_not_authorized",
	"R07": "debit_not_authorized", "R08": "declined", "R09": "insufficient_funds", "R10": "debit_not_authorized", "R11": "debit_not_authorized",
	"R12": "bank_ownership_changed", "R14": "account_closed", "R15": "account_closed", "R16": "account_frozen", "R17": "incorrect_account_holder_name",
	"R20": "bank_account_restricted", "R23": "declined", "R29": "debit_not_authorized",
}
