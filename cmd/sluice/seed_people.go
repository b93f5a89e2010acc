package main

import "strings"

// tutor is one connected account of the seed. hourly is the price of a lesson of
// 60 minutes in HK cents; account is the number at the bank, whose end may tell
// the sandbox bank what to do.
type tutor struct {
	english, chinese string
	family, given    string
	subject          string
	hourly           int64
	born             int
	account          string
}

func (t tutor) email() string {
	return strings.ToLower(strings.ReplaceAll(t.given, " ", "")+"."+t.family) + "@tutorhub.test"
}

var tutors = []tutor{
	{"Chan Ka Yan", "陳嘉欣", "Chan", "Ka Yan", "DSE Mathematics", 60000, 1991, "000123401"},
	{"Wong Tsz Hin", "黃子軒", "Wong", "Tsz Hin", "DSE Physics", 68000, 1988, "000123402"},
	{"Lam Wing Sze", "林詠詩", "Lam", "Wing Sze", "Piano, grades 1 to 5", 45000, 1995, "000123403"},
	{"Cheung Chi Kit", "張志傑", "Cheung", "Chi Kit", "IELTS speaking", 52000, 1984, "000123404"},
	{"Lee Hoi Ching", "李凱晴", "Lee", "Hoi Ching", "Primary Chinese", 38000, 1997, "000123405"},
	{"Ng Pak Long", "吳柏朗", "Ng", "Pak Long", "IB Chemistry", 80000, 1986, "000123406"},
	{"Ho Suet Ying", "何雪瑩", "Ho", "Suet Ying", "Putonghua conversation", 42000, 1993, "000123407"},
	{"Leung Yat Fung", "梁逸峰", "Leung", "Yat Fung", "Python for teenagers", 56000, 1990, "000123408"},
	{"Kwok Man Wai", "郭敏慧", "Kwok", "Man Wai", "English literature", 64000, 1982, "000123410"},
	{"Tang Chun Ho", "鄧俊豪", "Tang", "Chun Ho", "Violin", 48000, 1994, "000121113"}, // this bank account was closed
}

var students = []struct{ name, email string }{
	{"Au Yeung Lok", "lok@example.com"}, {"Fung Hei Tung 馮熙彤", "heitung@example.com"}, {"Mak Chin To", "chinto@example.com"},
	{"Sophie Bennett", "sophie@example.com"}, {"Yip Sum Yu 葉心悠", "sumyu@example.com"}, {"Arjun Mehta", "arjun@example.com"},
	{"Tsang Ho Yin", "hoyin@example.com"}, {"Chow Tin Yau 周天佑", "tinyau@example.com"}, {"Emily Roberts", "emily@example.com"},
	{"Lau Wing Lam", "winglam@example.com"}, {"Szeto Ming 司徒銘", "ming@example.com"}, {"Choi Yan Tung", "yantung@example.com"},
}

// lengths of a lesson in minutes; most take an hour.
var lengths = []int64{60, 60, 60, 90, 120}

var goodCards = []string{"pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_unionpay", "pm_card_jcb"}

var badCards = []string{
	"pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedExpiredCard", "pm_card_chargeDeclinedIncorrectCvc",
}
