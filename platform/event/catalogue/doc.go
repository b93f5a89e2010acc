// Package catalogue names every event there is: what its object looks like, who
// hears of it, an example, and the JSON Schema that readers may rely on.
//
// The schemas are made from the wire structs and committed (schemas/, rewritten
// by `make golden`), so that a change of a struct is seen as a change of a
// promise. testdata/baseline holds the promise of the last release (a release copies
// schemas/ there, and nothing else writes it): whatever a reader of
// it relied upon stays. Attributes may come, values of an enum may come; nothing
// goes away, changes its kind, or becomes optional. What must break that is a
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
//	if e.ObjectVersion > seen[object.ID] {
//		seen[object.ID], state[object.ID] = e.ObjectVersion, e.Data.Object
//	}
//
// That is the whole consumer; in SQL it is one statement:
//
//	INSERT INTO objects (id, version, body) VALUES ($1, $2, $3)
//	ON CONFLICT (id) DO UPDATE SET version = $2, body = $3 WHERE objects.version < $2
//
// Where there is no id in the object (a balance), each event is an object of its
// own with version 1. Capabilities are numbered per account, so their key is the
// account and the id; connections (account.application.*) per account and
// application.
package catalogue
