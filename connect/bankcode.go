package connect

import (
	"maps"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
)

// clearingCodes are Hong Kong's banks by their three-digit clearing code, as of
// November 2026: the licensed banks that hold accounts of people and companies.
// A routing number there is clearing code and branch, "004-001". Stored-value
// facilities (9xx) are no banks: payouts do not go there.
var clearingCodes = clearing(`
	003 Standard Chartered Bank (Hong Kong)
	004 The Hongkong and Shanghai Banking Corporation
	005 Crédit Agricole Corporate and Investment Bank
	006 Citibank, N.A.
	007 JPMorgan Chase Bank
	009 China Construction Bank (Asia)
	012 Bank of China (Hong Kong)
	014 Bank of China (Hong Kong)
	015 The Bank of East Asia
	016 DBS Bank (Hong Kong)
	018 China CITIC Bank International
	019 Bank of China (Hong Kong)
	020 CMB Wing Lung Bank
	022 Oversea-Chinese Banking Corporation
	024 Hang Seng Bank
	025 Shanghai Commercial Bank
	026 Bank of China (Hong Kong)
	027 Bank of Communications (Hong Kong)
	028 Public Bank (Hong Kong)
	029 Industrial and Commercial Bank of China (Asia)
	030 Bank of China (Hong Kong)
	031 Bank of China (Hong Kong)
	033 Bank of China (Hong Kong)
	035 OCBC Bank (Hong Kong)
	036 Bank of China (Hong Kong)
	038 Tai Yau Bank
	039 Chiyu Banking Corporation
	040 Dah Sing Bank
	041 Chong Hing Bank
	043 Nanyang Commercial Bank
	044 OCBC Bank (Hong Kong)
	045 UCO Bank
	046 KEB Hana Bank
	047 MUFG Bank
	049 Bangkok Bank
	050 Indian Overseas Bank
	054 Deutsche Bank
	055 Bank of America
	056 BNP Paribas
	058 Bank of India
	060 National Bank of Pakistan
	061 Tai Sang Bank
	063 Malayan Banking Berhad
	064 Bank of China (Hong Kong)
	065 Sumitomo Mitsui Banking Corporation
	066 PT. Bank Negara Indonesia (Persero)
	067 BDO Unibank
	070 Bank of China (Hong Kong)
	071 United Overseas Bank
	072 Industrial and Commercial Bank of China (Asia)
	074 Barclays Bank
	076 The Bank of Nova Scotia
	080 Royal Bank of Canada
	081 Société Générale
	082 State Bank of India
	085 The Toronto-Dominion Bank
	086 Bank of Montreal
	092 Canadian Imperial Bank of Commerce
	097 Commerzbank
	103 UBS
	106 HSBC Bank USA
	109 Mizuho Bank
	113 DZ Bank
	118 Woori Bank
	119 Philippine National Bank
	128 Fubon Bank (Hong Kong)
	138 Mitsubishi UFJ Trust and Banking Corporation
	139 The Bank of New York Mellon
	145 ING Bank
	147 Banco Bilbao Vizcaya Argentaria
	150 National Australia Bank
	151 Westpac Banking Corporation
	152 Australia and New Zealand Banking Group
	153 Commonwealth Bank of Australia
	161 Intesa Sanpaolo
	170 The Chiba Bank
	178 KBC Bank
	180 Wells Fargo Bank
	183 Rabobank
	185 DBS Bank
	186 The Shizuoka Bank
	198 Hua Nan Commercial Bank
	238 China Merchants Bank
	250 Citibank (Hong Kong)
	368 China Everbright Bank
	383 China Zheshang Bank
	387 ZA Bank
	388 Livi Bank
	389 Mox Bank
	390 WeLab Bank
	391 Fusion Bank
	392 PAO Bank
	393 Ant Bank (Hong Kong)
	395 Airstar Bank`)

// HongKongBanks are the names of banks by clearing code.
func HongKongBanks() map[string]string { return maps.Clone(clearingCodes) }

func clearing(lines string) map[string]string {
	banks := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		banks[code] = name
	}
	return banks
}

// bankName is whose routing number it is, as far as we can tell. A live account
// in Hong Kong must be at a bank we know; the sandbox has a bank of its own.
func bankName(b BankParams, livemode bool) (string, error) {
	if !livemode {
		return "SLUICE TEST BANK", nil
	}
	if b.Country != "HK" || b.Proxy != NoProxy {
		return "", nil
	}
	routing := compact(b.RoutingNumber)
	name := clearingCodes[routing[:min(3, len(routing))]]
	if name == "" {
		return "", fault.Invalidf("routing_number_invalid", "external_account[routing_number]", "No bank in Hong Kong has this clearing code.")
	}
	return name, nil
}
