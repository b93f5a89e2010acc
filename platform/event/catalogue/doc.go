// Package catalogue names every event there is: what its object looks like, who
// hears of it, an example, and the JSON Schema that readers may rely on.
//
// samples/ holds an event of each type as it once was (`make golden` adds those of
// new types, and never touches one that is there: old events stay readable for
// ever). Type.Example shows it.
//
// The schemas are made from the wire structs and committed (schemas/, rewritten
// by `make golden`), so that a change of a struct is seen as a change of a
// promise. testdata/baseline holds the promise of the last release (a release
// copies schemas/ there, and nothing else writes it): whatever a reader of it
// relied upon stays. Attributes may come, values of an enum may come; nothing
// goes away, changes its kind, or becomes optional. What comes later is described
// but not required, so that events of before still fit. What must break that is a
// new version of the event type (Type.Version), with a schema of its own.
//
// # Reading events in any order
//
// Deliveries of one object may overtake each other on the way: a webhook is
// tried again after a later one has arrived, an archive is read twice. Every
// event carries object_version, 1..n without gap for each object, given out
// under the object's row lock. A reader that keeps the highest version it has
// seen of each object, and drops what is not newer, ends with the object's true
// last state, whatever the order and however often each event came:
//
//	var e wire.Event // from the body of a webhook, or a message of sluice.events
//	var object struct{ ID string }
//	json.Unmarshal(e.Data.Object, &object)
//	key := e.Account + "/" + object.ID
//	if e.ObjectVersion > seen[key] {
//		seen[key], state[key] = e.ObjectVersion, e.Data.Object
//	}
//
// That is the whole consumer; in SQL it is one statement:
//
//	INSERT INTO objects (key, version, body) VALUES ($1, $2, $3)
//	ON CONFLICT (key) DO UPDATE SET version = $2, body = $3 WHERE objects.version < $2
//
// The account belongs to the key because capabilities ("transfers") and the
// applications of account.application.* have the same id in every account. One
// event is outside the rule: balance.available has no id and is version 1 every
// time; it says that there is news, and GET /v1/balance says which.
// A deletion is the last version: an object that is deleted does not come back.
//
// Example_consumer shows the rule at work, and the tests deliver a charge's six
// events to it in all 720 orders, and each of them several times.
package catalogue
