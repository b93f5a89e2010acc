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
	Sluice     *SluiceParams     `form:"sluice"`
	UpdateParams
}

// SluiceParams are our additions to the parameters of a new account.
type SluiceParams struct {
	// Requirements is "enforced" to hold a test account to the rules of live ones.
	Requirements string `form:"requirements"`
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

// CompanyParams is a legal entity. Its numbers are kept sealed for the verifier;
// what is shown is only that they were given.
type CompanyParams struct {
	Address            *wire.Address `form:"address"`
	DirectorsProvided  *bool         `form:"directors_provided"`
	ExecutivesProvided *bool         `form:"executives_provided"`
	Name               *string       `form:"name"`
	NameKana           *string       `form:"name_kana"`
	NameKanji          *string       `form:"name_kanji"`
	OwnersProvided     *bool         `form:"owners_provided"`
	Phone              *string       `form:"phone"`
	RegistrationNumber *string       `form:"registration_number"`
	Structure          *string       `form:"structure"`
	TaxID              *string       `form:"tax_id"`
	TaxIDRegistrar     *string       `form:"tax_id_registrar"`
	VATID              *string       `form:"vat_id"`
	Verification       *struct {
		Document *DocumentParams `form:"document"`
	} `form:"verification"`
	RegistrationDate       ignored `form:"registration_date"`
	OwnershipDeclaration   ignored `form:"ownership_declaration"`
	OwnershipExemption     ignored `form:"ownership_exemption_reason"`
	AddressKana            ignored `form:"address_kana"`
	AddressKanji           ignored `form:"address_kanji"`
	AdministrativeAddress  ignored `form:"administrative_address"`
	PrincipalPlace         ignored `form:"principal_place_of_business"`
	ExportLicenseID        ignored `form:"export_license_id"`
	ExportPurposeCode      ignored `form:"export_purpose_code"`
	DirectorshipDeclared   ignored `form:"directorship_declaration"`
	RepresentativeDeclared ignored `form:"representative_declaration"`
}

// DocumentParams are the file ids (file_…) of a document's sides.
type DocumentParams struct {
	Back  *string `form:"back"`
	Front *string `form:"front"`
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

	// Ours, as in wire.PayoutSettings.
	MinimumBalance AmountsParam        `form:"minimum_balance_by_currency"`
	TriggerBalance AmountsParam        `form:"trigger_balance_by_currency"`
	Destinations   []PayoutShareParams `form:"destinations"` // all of them; empty: everything to the defaults
}

// PayoutShareParams give an external account a part of each automatic payout.
type PayoutShareParams struct {
	ID      string `form:"id,required"`
	Percent string `form:"percent,required"`
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
