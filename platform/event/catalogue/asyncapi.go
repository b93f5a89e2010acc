package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicepay/sluice/platform/wire"
)

// Surroundings are what the AsyncAPI document says about the place it is served at.
type Surroundings struct {
	BaseURL string // without a slash at the end
	Topic   string
}

// SchemaID is the name of the schema of a type of event, known or not.
func SchemaID(name string) string {
	if t, known := Find(name); known {
		return t.SchemaID()
	}
	return Type{Name: name, Version: 1}.SchemaID()
}

// node is a piece of a JSON document.
type node = map[string]any

func link(path ...string) node { return node{"$ref": "#/" + strings.Join(path, "/")} }

// AsyncAPI is an AsyncAPI 3.0.0 document about all events, as their reader sees
// them: messages of a Kafka topic, and requests that come to a webhook endpoint.
func AsyncAPI(at Surroundings) ([]byte, error) {
	schemas, payloads, err := components()
	if err != nil {
		return nil, err
	}
	messages, onKafka, onHTTP := node{}, node{}, node{}
	for _, t := range types {
		said := node{
			"name": t.Name, "title": t.Name, "summary": t.Description, "contentType": "application/json",
			"description": "Heard by " + t.Scope.Describe() + ".",
			"payload":     payloads[t.Name],
			"tags":        []node{{"name": strings.SplitN(t.Name, ".", 2)[0]}},
			"externalDocs": node{
				"description": "JSON Schema, since " + t.Since, "url": at.BaseURL + t.SchemaPath(),
			},
		}
		kafka, http := copied(said), copied(said)
		kafka["traits"], http["traits"] = []node{link("components", "messageTraits", "cloudevent")}, []node{link("components", "messageTraits", "webhook")}
		kafka["examples"] = []node{{"name": t.Name, "payload": t.Example()}} // the same for webhooks
		kafka["bindings"] = node{"kafka": node{
			"key":            node{"type": "string", "description": "the account; the events of one account stay in order"},
			"bindingVersion": "0.5.0",
		}}
		http["bindings"] = node{"http": node{"bindingVersion": "0.3.0"}}
		messages[t.Name], messages["webhook."+t.Name] = kafka, http
		onKafka[t.Name], onHTTP[t.Name] = link("components", "messages", t.Name), link("components", "messages", "webhook."+t.Name)
	}
	document := node{
		"asyncapi":           "3.0.0",
		"id":                 "urn:sluice:events",
		"defaultContentType": "application/json",
		"info": node{
			"title": "Sluice events", "version": wire.APIVersion,
			"description": "Everything that happens, as its readers get it. The same event is the same bytes on Kafka, in a webhook and in GET /v1/events/{id}. " +
				"Delivery is at least once; events of one object may come in any order: keep the highest object_version seen.",
		},
		"servers": node{
			"kafka": node{
				"host": "{broker}", "protocol": "kafka", "description": "The installation's own cluster; its operator knows the address and gives access.",
				"variables": node{"broker": node{"default": "localhost:9092", "description": "host and port of a broker"}},
				"bindings":  node{"kafka": node{"bindingVersion": "0.5.0"}},
			},
			"receiver": node{
				"host": "{receiver}", "protocol": "https", "description": "Your own endpoint, as registered with POST /v1/webhook_endpoints.",
				"variables": node{"receiver": node{"default": "example.com", "description": "where your endpoint listens"}},
			},
		},
		"channels": node{
			"events": node{
				"address": at.Topic, "title": "The event log", "servers": []node{link("servers", "kafka")}, "messages": onKafka,
				"description": "Every event of every account, by CloudEvents 1.0 in binary mode.",
				"bindings":    node{"kafka": node{"topic": at.Topic, "bindingVersion": "0.5.0"}},
			},
			"webhooks": node{
				"address": "/", "title": "Webhooks", "servers": []node{link("servers", "receiver")}, "messages": onHTTP,
				"description": "A POST for each event that an endpoint asked for; any path of yours. Answer 2xx within the timeout, or it comes again.",
			},
		},
		"operations": node{
			"readEvents": node{
				"action": "receive", "channel": link("channels", "events"), "summary": "Read the log in a consumer group of your own.",
				"bindings": node{"kafka": node{"groupId": node{"type": "string"}, "clientId": node{"type": "string"}, "bindingVersion": "0.5.0"}},
			},
			"receiveWebhook": node{
				"action": "receive", "channel": link("channels", "webhooks"), "summary": "Take an event and answer 2xx.",
				"bindings": node{"http": node{"method": "POST", "bindingVersion": "0.3.0"}},
			},
		},
		"components": node{
			"messages": messages, "schemas": schemas,
			"messageTraits": node{
				"cloudevent": node{"headers": cloudEventHeaders()},
				"webhook":    node{"headers": webhookHeaders()},
			},
		},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(document)
	return b.Bytes(), err
}

func copied(n node) node {
	out := make(node, len(n)+2)
	for name, value := range n {
		out[name] = value
	}
	return out
}

// components are the committed schemas with their definitions moved to where an
// AsyncAPI document looks for references: what several types share stands there
// once. An $id would make "#/…" mean the schema instead of the document, so it
// becomes x-schema-id.
func components() (schemas node, payloads map[string]node, err error) {
	schemas, payloads = node{}, map[string]node{}
	for _, t := range types {
		var root node
		raw := bytes.ReplaceAll(t.Schema(), []byte(`"#/$defs/`), []byte(`"#/components/schemas/`))
		if err := json.Unmarshal(raw, &root); err != nil {
			return nil, nil, fmt.Errorf("schema of %s: %w", t.Name, err)
		}
		defs, _ := root["$defs"].(node)
		root["x-schema-id"] = root["$id"]
		properties, _ := root["properties"].(node)
		properties["data"] = defs["EventData"] // another one in each type
		for _, name := range []string{"$defs", "$id", "$schema"} {
			delete(root, name)
		}
		delete(defs, "EventData")
		for name, def := range defs {
			if schemas[name], err = common(schemas[name], def); err != nil {
				return nil, nil, fmt.Errorf("%s in %s: %w", name, t.Name, err)
			}
		}
		schemas[t.Name] = root
		payloads[t.Name] = link("components", "schemas", t.Name)
	}
	return schemas, payloads, nil
}

// common is what two types say of one struct. They may differ in what is required:
// an attribute that came later is required in the events of newer types only.
func common(one, other any) (any, error) {
	a, there := one.(node)
	if !there {
		return other, nil
	}
	b, _ := other.(node)
	both, mine, theirs := node{}, copied(a), copied(b)
	if required := slices.DeleteFunc(slices.Clone(names(a)), func(name any) bool { return !slices.Contains(names(b), name) }); len(required) > 0 {
		both["required"] = required
	} else {
		delete(both, "required") // an empty list is none in JSON Schema
	}
	delete(mine, "required")
	delete(theirs, "required")
	if !reflect.DeepEqual(mine, theirs) {
		return nil, errors.New("it means something else in another type")
	}
	maps.Copy(both, mine)
	return both, nil
}

func names(s node) []any {
	required, _ := s["required"].([]any)
	return required
}

func header(description string, more ...string) node {
	said := node{"type": "string", "description": description}
	if len(more) > 0 {
		said["const"] = more[0]
	}
	return said
}

// cloudEventHeaders are the headers of package bus.
func cloudEventHeaders() node {
	return node{
		"type":     "object",
		"required": []string{"ce_specversion", "ce_id", "ce_source", "ce_type", "content-type"},
		"properties": node{
			"ce_specversion":   header("CloudEvents version", "1.0"),
			"ce_id":            header("the event's id, evt_…; the same however often it comes"),
			"ce_source":        header("/sluice/accounts/{account}"),
			"ce_type":          header("the event's type"),
			"ce_subject":       header("the object's id"),
			"ce_time":          header("when it happened, RFC 3339 in UTC"),
			"ce_dataschema":    header("the schema's $id"),
			"ce_partitionkey":  header("the account, which is the message's key"),
			"ce_objectversion": header("1..n without gap for each object"),
			"ce_platform":      header("the platform account behind the account"),
			"ce_livemode":      header("true or false"),
			"content-type":     header("application/json; charset=utf-8"),
		},
	}
}

func webhookHeaders() node {
	return node{
		"type":     "object",
		"required": []string{"Stripe-Signature", "webhook-id", "webhook-timestamp", "webhook-signature"},
		"properties": node{
			"Stripe-Signature":  header("t=…,v1=…: HMAC-SHA256 over timestamp and body, as Stripe signs"),
			"webhook-id":        header("the event's id; the same on every attempt"),
			"webhook-timestamp": header("seconds since 1970, of this attempt"),
			"webhook-signature": header("Standard Webhooks signatures, separated by spaces"),
		},
	}
}
