package wire

// Account is a platform account or one of its connected accounts.
type Account struct {
	ID                 string               `json:"id"`
	Object             string               `json:"object"` // always "account"
	BusinessProfile    BusinessProfile      `json:"business_profile"`
	BusinessType       *string              `json:"business_type"`
	Capabilities       map[string]string    `json:"capabilities"` // name → active, inactive or pending
	ChargesEnabled     bool                 `json:"charges_enabled"`
	Company            *Company             `json:"company,omitempty"`
	Controller         AccountController    `json:"controller"`
	Country            string               `json:"country"`
	Created            int64                `json:"created"`
	DefaultCurrency    string               `json:"default_currency"`
	DetailsSubmitted   bool                 `json:"details_submitted"`
	Email              *string              `json:"email"`
	ExternalAccounts   List[BankAccount]    `json:"external_accounts"`
	FutureRequirements Requirements         `json:"future_requirements"`
	Individual         *Person              `json:"individual,omitempty"`
	Metadata           map[string]string    `json:"metadata"`
	PayoutsEnabled     bool                 `json:"payouts_enabled"`
	Requirements       Requirements         `json:"requirements"`
	Settings           AccountSettings      `json:"settings"`
	TOSAcceptance      AccountTOSAcceptance `json:"tos_acceptance"`
	Type               string               `json:"type"` // standard, express, custom or none
}

// AccountController says who answers for a connected account.
type AccountController struct {
	Type                  string               `json:"type"` // "account" for a platform, "application" for its connected accounts
	IsController          *bool                `json:"is_controller,omitempty"`
	Fees                  *ControllerFees      `json:"fees,omitempty"`
	Losses                *ControllerLosses    `json:"losses,omitempty"`
	RequirementCollection *string              `json:"requirement_collection,omitempty"`
	StripeDashboard       *ControllerDashboard `json:"stripe_dashboard,omitempty"`
}

// ControllerFees names who pays the processing fees of direct charges.
type ControllerFees struct {
	Payer string `json:"payer"`
}

// ControllerLosses names who bears negative balances.
type ControllerLosses struct {
	Payments string `json:"payments"`
}

// ControllerDashboard is the dashboard a connected account may use.
type ControllerDashboard struct {
	Type string `json:"type"`
}

// BusinessProfile is what customers may know about a business.
type BusinessProfile struct {
	AnnualRevenue                     *AnnualRevenue  `json:"annual_revenue"`
	EstimatedWorkerCount              *int64          `json:"estimated_worker_count"`
	MCC                               *string         `json:"mcc"`
	MinorityOwnedBusinessDesignations []string        `json:"minority_owned_business_designation"`
	MonthlyEstimatedRevenue           *MonthlyRevenue `json:"monthly_estimated_revenue,omitempty"`
	Name                              *string         `json:"name"`
	ProductDescription                *string         `json:"product_description"`
	SupportAddress                    *Address        `json:"support_address"`
	SupportEmail                      *string         `json:"support_email"`
	SupportPhone                      *string         `json:"support_phone"`
	SupportURL                        *string         `json:"support_url"`
	URL                               *string         `json:"url"`
}

// AnnualRevenue is a business's own statement about a fiscal year.
type AnnualRevenue struct {
	Amount        *int64  `json:"amount"`
	Currency      *string `json:"currency"`
	FiscalYearEnd *string `json:"fiscal_year_end"`
}

// MonthlyRevenue is a business's own estimate.
type MonthlyRevenue struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Address is a postal address; the same shape as parameter and in answers.
type Address struct {
	City       *string `form:"city"        json:"city"`
	Country    *string `form:"country"     json:"country"`
	Line1      *string `form:"line1"       json:"line1"`
	Line2      *string `form:"line2"       json:"line2"`
	PostalCode *string `form:"postal_code" json:"postal_code"`
	State      *string `form:"state"       json:"state"`
}

// Company is what is known about a legal entity. Registration numbers are
// never shown, only whether they were provided.
type Company struct {
	Address                    *Address             `json:"address,omitempty"`
	DirectorsProvided          bool                 `json:"directors_provided"`
	ExecutivesProvided         bool                 `json:"executives_provided"`
	Name                       *string              `json:"name"`
	NameKana                   *string              `json:"name_kana,omitempty"`
	NameKanji                  *string              `json:"name_kanji,omitempty"`
	OwnersProvided             bool                 `json:"owners_provided"`
	Phone                      *string              `json:"phone"`
	RegistrationNumberProvided bool                 `json:"registration_number_provided,omitempty"` // ours
	Structure                  *string              `json:"structure,omitempty"`
	TaxIDProvided              bool                 `json:"tax_id_provided"`
	TaxIDRegistrar             *string              `json:"tax_id_registrar,omitempty"`
	VATIDProvided              bool                 `json:"vat_id_provided"`
	Verification               *CompanyVerification `json:"verification,omitempty"`
}

// CompanyVerification is what was uploaded to prove a company.
type CompanyVerification struct {
	Document VerificationDocument `json:"document"`
}

// DateOfBirth is a calendar date, parts as given.
type DateOfBirth struct {
	Day   *int64 `form:"day"   json:"day"`
	Month *int64 `form:"month" json:"month"`
	Year  *int64 `form:"year"  json:"year"`
}

// Requirements is what an account or capability still owes.
type Requirements struct {
	Alternatives        []RequirementAlternative `json:"alternatives"`
	CurrentDeadline     *int64                   `json:"current_deadline"`
	CurrentlyDue        []string                 `json:"currently_due"`
	DisabledReason      *string                  `json:"disabled_reason"`
	Errors              []RequirementError       `json:"errors"`
	EventuallyDue       []string                 `json:"eventually_due"`
	PastDue             []string                 `json:"past_due"`
	PendingVerification []string                 `json:"pending_verification"`
}

// RequirementAlternative is another way to resolve what is due.
type RequirementAlternative struct {
	AlternativeFieldsDue []string `json:"alternative_fields_due"`
	OriginalFieldsDue    []string `json:"original_fields_due"`
}

// RequirementError is why something given has to be given again.
type RequirementError struct {
	Code        string `json:"code"`
	Reason      string `json:"reason"`
	Requirement string `json:"requirement"`
}

// AccountSettings is how an account wants to be treated.
type AccountSettings struct {
	BacsDebitPayments BacsSettings         `json:"bacs_debit_payments"`
	Branding          BrandingSettings     `json:"branding"`
	CardPayments      CardPaymentsSettings `json:"card_payments"`
	Dashboard         DashboardSettings    `json:"dashboard"`
	Payments          PaymentsSettings     `json:"payments"`
	Payouts           PayoutSettings       `json:"payouts"`
}

// BacsSettings exists because Stripe's SDKs expect it; always empty.
type BacsSettings struct {
	DisplayName       *string `json:"display_name"`
	ServiceUserNumber *string `json:"service_user_number"`
}

// BrandingSettings is the look of hosted pages.
type BrandingSettings struct {
	Icon           *string `json:"icon"`
	Logo           *string `json:"logo"`
	PrimaryColor   *string `json:"primary_color"`
	SecondaryColor *string `json:"secondary_color"`
}

// CardPaymentsSettings is how card payments are taken.
type CardPaymentsSettings struct {
	DeclineOn                      DeclineOn `json:"decline_on"`
	StatementDescriptorPrefix      *string   `json:"statement_descriptor_prefix"`
	StatementDescriptorPrefixKana  *string   `json:"statement_descriptor_prefix_kana"`
	StatementDescriptorPrefixKanji *string   `json:"statement_descriptor_prefix_kanji"`
}

// DeclineOn names checks whose failure declines a payment.
type DeclineOn struct {
	AVSFailure bool `json:"avs_failure"`
	CVCFailure bool `json:"cvc_failure"`
}

// DashboardSettings is how the account appears in dashboards.
type DashboardSettings struct {
	DisplayName *string `json:"display_name"`
	Timezone    *string `json:"timezone"`
}

// PaymentsSettings is what cardholders see on their statements.
type PaymentsSettings struct {
	StatementDescriptor      *string `json:"statement_descriptor"`
	StatementDescriptorKana  *string `json:"statement_descriptor_kana"`
	StatementDescriptorKanji *string `json:"statement_descriptor_kanji"`
}

// PayoutSettings is when and how an account is paid out.
type PayoutSettings struct {
	DebitNegativeBalances bool           `json:"debit_negative_balances"`
	Schedule              PayoutSchedule `json:"schedule"`
	StatementDescriptor   *string        `json:"statement_descriptor"`

	// Minor units by currency: what stays in the balance after an automatic payout
	// (as in balance settings), and from what available balance on the account is
	// paid besides its schedule (ours).
	MinimumBalance map[string]int64 `json:"minimum_balance_by_currency,omitempty"`
	TriggerBalance map[string]int64 `json:"trigger_balance_by_currency,omitempty"`

	// Ours: how automatic payouts are divided among external accounts. A currency of
	// which none is named goes whole to its default.
	Destinations []PayoutShare `json:"destinations,omitempty"`
}

// PayoutShare is an external account's part of each automatic payout in its currency.
type PayoutShare struct {
	ID      string `json:"id"`      // ba_…
	Percent string `json:"percent"` // "62.5"; those of a currency sum to 100
	Since   int64  `json:"since"`   // when it was given so much
}

// PayoutSchedule is the rhythm of automatic payouts.
type PayoutSchedule struct {
	DelayDays         int64    `json:"delay_days"`
	Interval          string   `json:"interval"` // daily, weekly, monthly or manual
	MonthlyAnchor     *int64   `json:"monthly_anchor,omitempty"`
	MonthlyPayoutDays []int64  `json:"monthly_payout_days,omitempty"`
	WeeklyAnchor      *string  `json:"weekly_anchor,omitempty"`
	WeeklyPayoutDays  []string `json:"weekly_payout_days,omitempty"`

	// Ours. The time zone is the account's (settings.dashboard.timezone).
	LocalTime string `json:"local_time,omitempty"` // "15:04"; empty is midnight
	BankDays  string `json:"bank_days,omitempty"`  // of a day on which the bank is closed: following (when empty), modified_following or preceding

	// DelayDaysOverride is the delay that was asked for instead of the default (as in
	// balance settings); delay_days is what holds.
	DelayDaysOverride *int64 `json:"delay_days_override,omitempty"`
}

// AccountTOSAcceptance says who agreed to the terms, when and from where.
type AccountTOSAcceptance struct {
	Date             *int64  `json:"date"`
	IP               *string `json:"ip"`
	ServiceAgreement *string `json:"service_agreement,omitempty"`
	UserAgent        *string `json:"user_agent"`
	Version          *string `json:"version,omitempty"` // ours: which terms were accepted
}
