package catalogue

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Scope says whose events a type's events are. The account itself hears of them
// on its own endpoints; of a connected account's events the platform hears too,
// on its Connect endpoints, as long as the account is connected.
type Scope string

// The scopes. An event of a connected account names it in "account".
const (
	AnyAccount       Scope = "any"       // platform accounts and connected accounts alike
	PlatformAccount  Scope = "platform"  // platform accounts only
	ConnectedAccount Scope = "connected" // connected accounts only
)

// Describe tells a person who hears of the event.
func (s Scope) Describe() string {
	switch s {
	case PlatformAccount:
		return "the platform account"
	case ConnectedAccount:
		return "the connected account, and its platform on Connect endpoints"
	case AnyAccount:
	}
	return "the account it happened on; of a connected account also its platform, on Connect endpoints"
}

// Replaced says whether events of a type tell what they replaced (previous_attributes).
type Replaced string

// Whether previous_attributes is there.
const (
	Never     Replaced = "never"
	Sometimes Replaced = "sometimes" // not in the object's first event, when nothing was there before
	Always    Replaced = "always"
)

// Type is one kind of event.
type Type struct {
	Name        string
	Version     int // of the schema's promise; a breaking change is a new version
	Object      any // zero value of what data.object looks like
	Description string
	Scope       Scope
	Replaced    Replaced
	Since       string // day of the first release with this version of it
}

// Types are all event types, by name.
func Types() []Type { return slices.Clone(types) }

// Find is the type with this name.
func Find(name string) (Type, bool) {
	i, found := slices.BinarySearchFunc(types, name, func(t Type, name string) int { return strings.Compare(t.Name, name) })
	if !found {
		return Type{}, false
	}
	return types[i], true
}

// SchemaID is the name of the schema wherever it is kept; CloudEvents call it dataschema.
func (t Type) SchemaID() string { return fmt.Sprintf("urn:sluice:event:%s:%d", t.Name, t.Version) }

// SchemaPath is where a server shows the schema.
func (t Type) SchemaPath() string { return "/event_schemas/" + t.Name + ".json" }

//go:embed schemas/*.json samples/*.json
var files embed.FS

// Schema is the committed JSON Schema of the whole envelope.
func (t Type) Schema() json.RawMessage {
	return t.file("schemas")
}

// Example is a whole event of this type that has once happened, in test mode.
func (t Type) Example() json.RawMessage {
	var compact bytes.Buffer
	if err := json.Compact(&compact, t.file("samples")); err != nil {
		panic("catalogue: sample of " + t.Name + ": " + err.Error()) // a test reads them all
	}
	return compact.Bytes()
}

func (t Type) file(folder string) []byte {
	raw, err := files.ReadFile(folder + "/" + t.Name + ".json")
	if err != nil {
		panic("catalogue: " + t.Name + " is not in " + folder + "; run make golden") // a test keeps them complete
	}
	return raw
}
