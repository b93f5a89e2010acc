package connect

import (
	"regexp"
	"time"
	_ "time/tzdata" // the zones we know do not depend on the machine

	"github.com/sluicepay/sluice/platform/fault"
)

// worldZone is the zone of accounts in countries that have several.
const worldZone = "Etc/UTC"

// zones is the time zone of the countries of ours that keep one time everywhere.
var zones = table(`AE Asia/Dubai AT Europe/Vienna BD Asia/Dhaka BE Europe/Brussels BG Europe/Sofia BH Asia/Bahrain CH Europe/Zurich
	CO America/Bogota CR America/Costa_Rica CY Asia/Nicosia CZ Europe/Prague DE Europe/Berlin DK Europe/Copenhagen EE Europe/Tallinn
	EG Africa/Cairo FI Europe/Helsinki FR Europe/Paris GB Europe/London GH Africa/Accra GI Europe/Gibraltar GR Europe/Athens
	HK Asia/Hong_Kong HR Europe/Zagreb HU Europe/Budapest IE Europe/Dublin IL Asia/Jerusalem IN Asia/Kolkata IS Atlantic/Reykjavik
	IT Europe/Rome JO Asia/Amman JP Asia/Tokyo KE Africa/Nairobi KR Asia/Seoul KW Asia/Kuwait LI Europe/Vaduz LK Asia/Colombo
	LT Europe/Vilnius LU Europe/Luxembourg LV Europe/Riga MO Asia/Macau MT Europe/Malta MY Asia/Kuala_Lumpur NG Africa/Lagos
	NL Europe/Amsterdam NO Europe/Oslo NP Asia/Kathmandu OM Asia/Muscat PE America/Lima PH Asia/Manila PK Asia/Karachi PL Europe/Warsaw
	QA Asia/Qatar RO Europe/Bucharest SA Asia/Riyadh SE Europe/Stockholm SG Asia/Singapore SI Europe/Ljubljana SK Europe/Bratislava
	TH Asia/Bangkok TN Africa/Tunis TR Europe/Istanbul TW Asia/Taipei TZ Africa/Dar_es_Salaam UA Europe/Kyiv UG Africa/Kampala
	UY America/Montevideo VN Asia/Ho_Chi_Minh ZA Africa/Johannesburg`)

// zoneOf is where accounts of a country live until they say otherwise.
func zoneOf(country string) string {
	if zone := zones[country]; zone != "" {
		return zone
	}
	return worldZone
}

// zoneForm leaves out what time.LoadLocation finds besides the zones of IANA:
// "Local", and files such as posix/Asia/Hong_Kong where the machine has them.
var zoneForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){1,2}$`)

func mustBeZone(name, param string) error {
	if zoneForm.MatchString(name) {
		if _, err := time.LoadLocation(name); err == nil {
			return nil
		}
	}
	return fault.Invalidf("", param, "Invalid timezone: must be a name of the IANA time zone database, such as Asia/Hong_Kong")
}
