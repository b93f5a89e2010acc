package connect

import (
	"fmt"
	"sort"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/wire"
)

// CreateParams are the parameters of a new connected account.
type CreateParams struct {
	Type       string            `form:"type"`
	Country    string            `form:"country"` // default: the platform's
	Controller *ControllerParams `form:"controller"`
	UpdateParams
}

// UpdateParams are the parameters an account can be changed by. Absent ones change nothing.
type UpdateParams struct {
	BusinessProfile *BusinessProfileParams `form:"business_profile"`
	BusinessType    *string                `form:"business_type"`
	Capabilities    CapabilityRequests     `form:"capabilities"`
	Company         *CompanyParams         `form:"company"`
	DefaultCurrency *string                `form:"default_currency"`
	Email           *string                `form:"email"`
	ExternalAccount ExternalAccountParam   `form:"external_account"`
	Individual      *IndividualParams      `form:"individual"`
	Metadata        metadata.Patch         `form:"metadata"`
	Settings        *SettingsParams        `form:"settings"`
	TOSAcceptance   *TOSParams             `form:"tos_acceptance"`
	Documents       ignored                `form:"documents"`
	Groups          ignored                `form:"groups"`
}

// ControllerParams say who answers for a connected account.
type ControllerParams struct {
	Fees *struct {
		Payer string `form:"payer"`
	} `form:"fees"`
	Losses *struct {
		Payments string `form:"payments"`
	} `form:"losses"`
	RequirementCollection string `form:"requirement_collection"`
	StripeDashboard       *struct {
		Type string `form:"type"`
	} `form:"stripe_dashboard"`
}

// CapabilityRequests are capability names and whether each is requested.
type CapabilityRequests map[string]bool

// DecodeParam reads capabilities[transfers][requested]=true.
func (c *CapabilityRequests) DecodeParam(name string, v any) error {
	given, ok := v.(map[string]any)
	if !ok {
		return fault.Invalidf("", name, "Invalid hash: %s must be a set of capabilities.", name)
	}
	*c = make(CapabilityRequests, len(given))
	for capability, v := range given {
		param := fmt.Sprintf("%s[%s]", name, capability)
		options, ok := v.(map[string]any)
		if !ok {
			return fault.Invalidf("", param, "Invalid hash: %s must have the key requested.", param)
		}
		for option, v := range options {
			if option != "requested" {
				return fault.Invalidf("parameter_unknown", param+"["+option+"]", "Received unknown parameter: %s[%s]", param, option)
			}
			if v != "true" && v != "false" {
				return fault.Invalidf("", param+"[requested]", "Invalid boolean: %v", v)
			}
			(*c)[capability] = v == "true"
		}
	}
	return nil
}

// sorted is the names in an order that does not change from call to call.
func (c CapabilityRequests) sorted() []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// BusinessProfileParams is what customers may know about a business.
type BusinessProfileParams struct {
	AnnualRevenue *struct {
		Amount        *int64  `form:"amount"`
		Currency      *string `form:"currency"`
		FiscalYearEnd *string `form:"fiscal_year_end"`
	} `form:"annual_revenue"`
	EstimatedWorkerCount              *int64   `form:"estimated_worker_count"`
	MCC                               *string  `form:"mcc"`
	MinorityOwnedBusinessDesignations []string `form:"minority_owned_business_designation"`
	MonthlyEstimatedRevenue           *struct {
		Amount   *int64  `form:"amount"`
		Currency *string `form:"currency"`
	} `form:"monthly_estimated_revenue"`
	Name               *string       `form:"name"`
	ProductDescription *string       `form:"product_description"`
	SupportAddress     *wire.Address `form:"support_address"`
	SupportEmail       *string       `form:"support_email"`
	SupportPhone       *string       `form:"support_phone"`
	SupportURL         *string       `form:"support_url"`
	URL                *string       `form:"url"`
}

// CompanyParams is a legal entity. Its registration numbers are not kept, only
// that they were given.
type CompanyParams struct {
	Address                *wire.Address `form:"address"`
	DirectorsProvided      *bool         `form:"directors_provided"`
	ExecutivesProvided     *bool         `form:"executives_provided"`
	Name                   *string       `form:"name"`
	NameKana               *string       `form:"name_kana"`
	NameKanji              *string       `form:"name_kanji"`
	OwnersProvided         *bool         `form:"owners_provided"`
	Phone                  *string       `form:"phone"`
	Structure              *string       `form:"structure"`
	TaxID                  *string       `form:"tax_id"`
	TaxIDRegistrar         *string       `form:"tax_id_registrar"`
	VATID                  *string       `form:"vat_id"`
	RegistrationNumber     ignored       `form:"registration_number"`
	RegistrationDate       ignored       `form:"registration_date"`
	OwnershipDeclaration   ignored       `form:"ownership_declaration"`
	OwnershipExemption     ignored       `form:"ownership_exemption_reason"`
	Verification           ignored       `form:"verification"`
	AddressKana            ignored       `form:"address_kana"`
	AddressKanji           ignored       `form:"address_kanji"`
	ExportLicenseID        ignored       `form:"export_license_id"`
	ExportPurposeCode      ignored       `form:"export_purpose_code"`
	DirectorshipDeclared   ignored       `form:"directorship_declaration"`
	RepresentativeDeclared ignored       `form:"representative_declaration"`
}

// IndividualParams is the person behind an account. Identity numbers are not
// kept, only that they were given.
type IndividualParams struct {
	Address           *wire.Address     `form:"address"`
	DOB               *wire.DateOfBirth `form:"dob"`
	Email             *string           `form:"email"`
	FirstName         *string           `form:"first_name"`
	FirstNameKana     *string           `form:"first_name_kana"`
	FirstNameKanji    *string           `form:"first_name_kanji"`
	Gender            *string           `form:"gender"`
	IDNumber          *string           `form:"id_number"`
	IDNumberSecondary *string           `form:"id_number_secondary"`
	LastName          *string           `form:"last_name"`
	LastNameKana      *string           `form:"last_name_kana"`
	LastNameKanji     *string           `form:"last_name_kanji"`
	MaidenName        *string           `form:"maiden_name"`
	Metadata          metadata.Patch    `form:"metadata"`
	Phone             *string           `form:"phone"`
	PoliticalExposure *string           `form:"political_exposure"`
	SSNLast4          *string           `form:"ssn_last_4"`
	AddressKana       ignored           `form:"address_kana"`
	AddressKanji      ignored           `form:"address_kanji"`
	FullNameAliases   ignored           `form:"full_name_aliases"`
	RegisteredAddress ignored           `form:"registered_address"`
	Relationship      ignored           `form:"relationship"`
	Verification      ignored           `form:"verification"`
}

// SettingsParams is how an account wants to be treated.
type SettingsParams struct {
	Branding *struct {
		Icon           *string `form:"icon"`
		Logo           *string `form:"logo"`
		PrimaryColor   *string `form:"primary_color"`
		SecondaryColor *string `form:"secondary_color"`
	} `form:"branding"`
	CardPayments *struct {
		DeclineOn *struct {
			AVSFailure *bool `form:"avs_failure"`
			CVCFailure *bool `form:"cvc_failure"`
		} `form:"decline_on"`
		StatementDescriptorPrefix      *string `form:"statement_descriptor_prefix"`
		StatementDescriptorPrefixKana  *string `form:"statement_descriptor_prefix_kana"`
		StatementDescriptorPrefixKanji *string `form:"statement_descriptor_prefix_kanji"`
	} `form:"card_payments"`
	Dashboard *struct {
		DisplayName *string `form:"display_name"`
		Timezone    *string `form:"timezone"`
	} `form:"dashboard"`
	Payments *struct {
		StatementDescriptor      *string `form:"statement_descriptor"`
		StatementDescriptorKana  *string `form:"statement_descriptor_kana"`
		StatementDescriptorKanji *string `form:"statement_descriptor_kanji"`
	} `form:"payments"`
	Payouts           *PayoutSettingsParams `form:"payouts"`
	BacsDebitPayments ignored               `form:"bacs_debit_payments"`
	CardIssuing       ignored               `form:"card_issuing"`
	Invoices          ignored               `form:"invoices"`
	Treasury          ignored               `form:"treasury"`
}

// PayoutSettingsParams is when and how an account is paid out.
type PayoutSettingsParams struct {
	DebitNegativeBalances *bool           `form:"debit_negative_balances"`
	Schedule              *ScheduleParams `form:"schedule"`
	StatementDescriptor   *string         `form:"statement_descriptor"`
}

// TOSParams says who agreed to the terms, when and from where.
type TOSParams struct {
	Date             *int64  `form:"date"`
	IP               *string `form:"ip"`
	ServiceAgreement *string `form:"service_agreement"`
	UserAgent        *string `form:"user_agent"`
}

// ignored is a parameter of Stripe's API that is accepted and has no meaning here.
type ignored struct{}

// DecodeParam reads nothing.
func (*ignored) DecodeParam(string, any) error { return nil }
