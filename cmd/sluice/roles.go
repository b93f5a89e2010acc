package main

import (
	"fmt"
	"slices"
	"strings"
)

// Role is one part of the work a process may do. Any number of processes may
// share a role: the ones that must not be done twice at a time hold leases.
type Role string

// The roles of `sluice serve`.
const (
	RoleAPI      Role = "api"      // serves /v1
	RoleRelay    Role = "relay"    // carries the event log to Kafka
	RoleWebhooks Role = "webhooks" // turns events into deliveries and sends them
	RolePayouts  Role = "payouts"  // schedules payouts and follows them to the bank
	RoleJobs     Role = "jobs"     // matures funds, sweeps unfinished payments, seals the ledger, cleans up
)

var allRoles = []Role{RoleAPI, RoleRelay, RoleWebhooks, RolePayouts, RoleJobs}

// Roles are the roles of one process.
type Roles []Role

// Has reports whether the process does this work.
func (r Roles) Has(role Role) bool { return slices.Contains(r, role) }

// String lists the roles as --roles takes them.
func (r Roles) String() string {
	names := make([]string, len(r))
	for i, role := range r {
		names[i] = string(role)
	}
	return strings.Join(names, ",")
}

// parseRoles reads a comma-separated list.
func parseRoles(list string) (Roles, error) {
	var roles Roles
	for name := range strings.SplitSeq(list, ",") {
		role := Role(strings.TrimSpace(name))
		if !slices.Contains(allRoles, role) {
			return nil, fmt.Errorf("%q is not a role; choose from %s", role, Roles(allRoles))
		}
		if !roles.Has(role) {
			roles = append(roles, role)
		}
	}
	return roles, nil
}
