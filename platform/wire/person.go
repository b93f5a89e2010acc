package wire

import "encoding/json"

// Person is a human being behind an account. Identity numbers are never
// shown, only whether they were provided.
type Person struct {
	ID                        string              `json:"id"`
	Object                    string              `json:"object"` // always "person"
	Account                   string              `json:"account"`
	Created                   int64               `json:"created"`
	Address                   *Address            `json:"address,omitempty"`
	DOB                       DateOfBirth         `json:"dob"`
	Email                     *string             `json:"email"`
	FirstName                 *string             `json:"first_name"`
	FirstNameKana             *string             `json:"first_name_kana,omitempty"`
	FirstNameKanji            *string             `json:"first_name_kanji,omitempty"`
	FutureRequirements        *PersonRequirements `json:"future_requirements,omitempty"`
	Gender                    *string             `json:"gender,omitempty"`
	IDNumberProvided          bool                `json:"id_number_provided"`
	IDNumberSecondaryProvided bool                `json:"id_number_secondary_provided"`
	LastName                  *string             `json:"last_name"`
	LastNameKana              *string             `json:"last_name_kana,omitempty"`
	LastNameKanji             *string             `json:"last_name_kanji,omitempty"`
	MaidenName                *string             `json:"maiden_name,omitempty"`
	Metadata                  map[string]string   `json:"metadata"`
	Nationality               *string             `json:"nationality,omitempty"`
	Phone                     *string             `json:"phone"`
	PoliticalExposure         *string             `json:"political_exposure,omitempty"`
	RegisteredAddress         *Address            `json:"registered_address,omitempty"`
	Relationship              Relationship        `json:"relationship"`
	Requirements              *PersonRequirements `json:"requirements,omitempty"`
	SSNLast4Provided          bool                `json:"ssn_last_4_provided"`
	Verification              PersonVerification  `json:"verification"`
}

// Relationship is what a person is to a company. The representative opens the
// account and speaks for it.
type Relationship struct {
	Authorizer       *bool        `json:"authorizer"`
	Director         *bool        `json:"director"`
	Executive        *bool        `json:"executive"`
	LegalGuardian    *bool        `json:"legal_guardian"`
	Owner            *bool        `json:"owner"`
	PercentOwnership *json.Number `json:"percent_ownership"`
	Representative   *bool        `json:"representative"`
	Title            *string      `json:"title"`
}

// PersonVerification is what was uploaded to prove who a person is, and what came of it.
type PersonVerification struct {
	AdditionalDocument VerificationDocument `json:"additional_document"`
	Details            *string              `json:"details"`
	DetailsCode        *string              `json:"details_code"`
	Document           VerificationDocument `json:"document"`
	Status             string               `json:"status"` // unverified, pending or verified
}

// VerificationDocument is an uploaded document, by its file ids.
type VerificationDocument struct {
	Back        *string `json:"back"`
	Details     *string `json:"details"`
	DetailsCode *string `json:"details_code"`
	Front       *string `json:"front"`
}

// PersonRequirements is what an account still owes about a person.
type PersonRequirements struct {
	Alternatives        []RequirementAlternative `json:"alternatives"`
	CurrentlyDue        []string                 `json:"currently_due"`
	Errors              []RequirementError       `json:"errors"`
	EventuallyDue       []string                 `json:"eventually_due"`
	PastDue             []string                 `json:"past_due"`
	PendingVerification []string                 `json:"pending_verification"`
}
