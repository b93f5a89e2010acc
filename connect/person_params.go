package connect

import (
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/wire"
)

// IndividualParams is the person behind an account of business type individual.
type IndividualParams = PersonParams

// PersonParams is a human being. Identity numbers are kept sealed for the
// verifier; what is shown is only that they were given.
type PersonParams struct {
	Address           *wire.Address       `form:"address"`
	DOB               *wire.DateOfBirth   `form:"dob"`
	Email             *string             `form:"email"`
	FirstName         *string             `form:"first_name"`
	FirstNameKana     *string             `form:"first_name_kana"`
	FirstNameKanji    *string             `form:"first_name_kanji"`
	Gender            *string             `form:"gender"`
	IDNumber          *string             `form:"id_number"`
	IDNumberSecondary *string             `form:"id_number_secondary"`
	LastName          *string             `form:"last_name"`
	LastNameKana      *string             `form:"last_name_kana"`
	LastNameKanji     *string             `form:"last_name_kanji"`
	MaidenName        *string             `form:"maiden_name"`
	Metadata          metadata.Patch      `form:"metadata"`
	Nationality       *string             `form:"nationality"`
	Phone             *string             `form:"phone"`
	PoliticalExposure *string             `form:"political_exposure"`
	RegisteredAddress *wire.Address       `form:"registered_address"`
	Relationship      *RelationshipParams `form:"relationship"`
	SSNLast4          *string             `form:"ssn_last_4"`
	Verification      *struct {
		AdditionalDocument *DocumentParams `form:"additional_document"`
		Document           *DocumentParams `form:"document"`
	} `form:"verification"`
	AddressKana     ignored `form:"address_kana"`
	AddressKanji    ignored `form:"address_kanji"`
	Documents       ignored `form:"documents"`
	FullNameAliases ignored `form:"full_name_aliases"`
	PersonToken     ignored `form:"person_token"`
	TOSAcceptances  ignored `form:"additional_tos_acceptances"`
	USCFPBData      ignored `form:"us_cfpb_data"`
}

// RelationshipParams is what a person is to a company.
type RelationshipParams struct {
	Authorizer     *bool   `form:"authorizer"`
	Director       *bool   `form:"director"`
	Executive      *bool   `form:"executive"`
	LegalGuardian  *bool   `form:"legal_guardian"`
	Owner          *bool   `form:"owner"`
	Percent        *string `form:"percent_ownership"` // read by hand: a number is no float here
	Representative *bool   `form:"representative"`
	Title          *string `form:"title"`
}

// PersonFilter narrows a list of persons by what they are to the company.
type PersonFilter struct {
	Authorizer     *bool `form:"authorizer"`
	Director       *bool `form:"director"`
	Executive      *bool `form:"executive"`
	LegalGuardian  *bool `form:"legal_guardian"`
	Owner          *bool `form:"owner"`
	Representative *bool `form:"representative"`
}
