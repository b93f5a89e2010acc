package connecthttp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/platform/tenant"
)

func TestPersonsComeAndGoWithEvents(t *testing.T) {
	m := open(t)
	id := m.tutor("business_type=company")["id"].(string)
	path := "/v1/accounts/" + id + "/persons"
	owner := m.call("POST", path, 200, "first_name=Siu Ming", "last_name=Chan", "relationship[owner]=true", "relationship[percent_ownership]=62.5",
		"relationship[title]=CEO", "dob[day]=1", "dob[month]=2", "dob[year]=1990", "metadata[a]=1", "verification[document][front]=file_123")
	person := owner["id"].(string)
	if r := owner.at("relationship"); r["owner"] != true || r["percent_ownership"] != 62.5 || r["representative"] != nil || owner["id_number_provided"] != false ||
		owner.at("verification", "document")["front"] != "file_123" || owner.at("verification")["status"] != "unverified" {
		t.Fatalf("created: %v", owner)
	}
	second := m.call("POST", "/v1/accounts/"+id+"/people", 200, "relationship[representative]=true", "first_name=Ka Yan")["id"].(string)
	if p := m.call("POST", path+"/"+person, 200, "id_number=A1234563", "metadata[a]=", "email=chan@example.com"); p["id_number_provided"] != true || len(p.at("metadata")) != 0 || p["first_name"] != "Siu Ming" {
		t.Fatalf("updated: %v", p)
	}
	if p := m.call("GET", "/v1/accounts/"+id+"/people/"+person, 200); p["email"] != "chan@example.com" {
		t.Fatalf("read: %v", p)
	}
	list := func(form ...string) (ids []string) {
		for _, p := range m.call("GET", path, 200, form...)["data"].([]any) {
			ids = append(ids, p.(map[string]any)["id"].(string))
		}
		return ids
	}
	if got := list(); !slices.Equal(got, []string{second, person}) {
		t.Fatalf("list: %v", got)
	}
	if got := list("relationship[owner]=true"); !slices.Equal(got, []string{person}) {
		t.Fatalf("owners: %v", got)
	}
	if got := list("limit=1", "starting_after="+second); !slices.Equal(got, []string{person}) {
		t.Fatalf("second page: %v", got)
	}
	if d := m.call("DELETE", path+"/"+person, 200); d["deleted"] != true || d["object"] != "person" {
		t.Fatalf("deleted: %v", d)
	}
	m.call("GET", path+"/"+person, 404)
	if got := m.events(person); !slices.Equal(got, []string{"person.created 1", "person.updated 2", "person.deleted 3"}) {
		t.Fatalf("events: %v", got)
	}
	var left int
	if err := m.pool.NewRaw("SELECT count(*) FROM connect.identity_numbers WHERE subject = ?", person).Scan(t.Context(), &left); err != nil || left != 0 {
		t.Fatalf("%d numbers of somebody who is gone, %v", left, err)
	}
}

func TestTheIndividualIsAPerson(t *testing.T) {
	m := open(t)
	a := m.tutor("business_type=individual", "individual[first_name]=Siu Ming", "individual[metadata][k]=v")
	id, person := a["id"].(string), a.at("individual")["id"].(string)
	path := "/v1/accounts/" + id + "/persons/" + person
	if p := m.call("GET", path, 200); p["first_name"] != "Siu Ming" || p.at("relationship")["representative"] != true || p.at("metadata")["k"] != "v" {
		t.Fatalf("person: %v", p)
	}
	m.call("POST", path, 200, "last_name=Chan")
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("individual")["last_name"] != "Chan" {
		t.Fatalf("account: %v", a)
	}
	m.call("DELETE", path, 400)
	if got := m.events(person); !slices.Equal(got, []string{"person.created 1", "person.updated 2"}) {
		t.Fatalf("events: %v", got)
	}

	// The representative of an account of an individual is its individual.
	id = m.tutor("business_type=individual")["id"].(string)
	p := m.call("POST", "/v1/accounts/"+id+"/persons", 200, "relationship[representative]=true", "first_name=Ka Yan")
	if a = m.call("GET", "/v1/accounts/"+id, 200); a.at("individual")["id"] != p["id"] {
		t.Fatalf("account: %v", a)
	}
}

func TestPersonParametersAreChecked(t *testing.T) {
	m := open(t)
	id := m.tutor("business_type=company")["id"].(string)
	path := "/v1/accounts/" + id + "/persons"
	m.call("POST", path, 200, "relationship[representative]=true")
	for _, tc := range []struct{ form, code, param string }{
		{"relationship[representative]=true", "", "relationship[representative]"},
		{"relationship[percent_ownership]=101", "", "relationship[percent_ownership]"},
		{"relationship[percent_ownership]=a", "", "relationship[percent_ownership]"},
		{"ssn_last_4=12", "", "ssn_last_4"},
		{"verification[document][front]=elif_1", "resource_missing", "verification[document][front]"},
		{"dob[day]=31&dob[month]=2&dob[year]=1990", "", "dob"},
		{"id_number=" + strings.Repeat("9", 65), "", "id_number"},
		{"metadata[card]=4242424242424242", "parameter_invalid_card_number", "metadata[card]"},
		{"foo=1", "parameter_unknown", "foo"},
	} {
		e := m.call("POST", path, 400, strings.Split(tc.form, "&")...).at("error")
		if code, _ := e["code"].(string); code != tc.code || e["param"] != tc.param {
			t.Errorf("%s: %v", tc.form, e)
		}
	}
	m.call("POST", "/v1/accounts/"+m.platform+"/persons", 400, "first_name=Me")
	m.call("POST", "/v1/accounts", 400, "sluice[requirements]=later")
}

func TestPersonsOfOtherPlatformsAreOutOfReach(t *testing.T) {
	m := open(t)
	id := m.tutor("business_type=company")["id"].(string)
	person := m.call("POST", "/v1/accounts/"+id+"/persons", 200, "first_name=Siu Ming")["id"].(string)
	other := m.bootstrap("Other")
	for _, as := range [][2]string{{"test", other}, {"live", m.platform}} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			m.as(as[0], as[1], method, "/v1/accounts/"+id+"/persons/"+person, 403)
		}
		m.as(as[0], as[1], "GET", "/v1/accounts/"+id+"/persons", 403)
	}
	if _, err := m.accounts.Get(t.Context(), m.pool, tenant.Scope{Platform: other, Account: other}, id); err == nil {
		t.Fatal("reached")
	}
}

func TestARejectionCanBeTakenBack(t *testing.T) {
	m := open(t)
	id := m.tutor("external_account=btok_hk")["id"].(string)
	m.call("POST", "/v1/accounts/"+id+"/unreject", 400)
	m.call("POST", "/v1/accounts/"+id+"/reject", 200, "reason=other")
	a := m.call("POST", "/v1/accounts/"+id+"/unreject", 200)
	if a["payouts_enabled"] != true || a.at("capabilities")["transfers"] != "active" || a.at("requirements")["disabled_reason"] != nil {
		t.Fatalf("unrejected: %v", a)
	}
}
