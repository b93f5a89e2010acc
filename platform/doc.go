// Package platform is only the ground that rooms stand on; nothing is imported
// from the folder itself. (In Connect language "platform" also means the
// operator of a marketplace; in code that party is the platform account.)
//
// A package stands here only if it imports no room, at least two rooms need it
// or it is the runtime of all, and it contains no business branch. These are
// the shelves; a shelf is put up when something needs it. The arch test in
// cmd/sluice reads this list and fails on a package that is not on it.
//
// Words, pure:
//
//   - money: amounts in minor units, currencies, allocation
//   - id: public object ids
//   - clock: business time
//   - fault: the one error type with a public face
//   - metadata: the free key-value pairs on an object
//   - secret: secrets that do not print, sealed text, keyed hashes
//   - tenant: on whose behalf a call acts
//   - wire: the public nouns as JSON
//   - wire/openapi: the published schema, to hold answers against
//
// Storage:
//
//   - db: opening PostgreSQL, transactions, the committer
//   - jsonpack: JSON of the API, small, as the database keeps it
//   - page: list parameters, cursors and filters
//   - run: lifecycles and leased periodic work
//   - event: the event log, which is the outbox, and the inbox
//   - event/catalogue: every event type: its object, its schema, who hears of it
//   - event/eventhttp: the door of the event log and its catalogue
//   - event/relay: from the log to Kafka, in commit-safe order
//   - bus: Kafka; kafka-go lives here alone
//   - bus/bustest: a Kafka for tests, embedded or real
//
// Front of house:
//
//   - rest: requests, answers and routes; mux lives here
//   - rest/requestlog: what was asked of the API, redacted, for some days
//   - rest/auditlog: who changed what, for good
//   - ratelimit: which requests a server takes, and which give way
//   - idempotency: one key, one effect, one answer
//   - ui: what the hosted pages share: layout, components, assets, languages, forms
//   - ui/chart: numbers as pictures: areas, bars, money that flows
//   - ui/uitest: the hosted pages in a real browser, for tests
//   - mail: short mails to people, SMTP or the development inbox
//   - egress: the one way out to URLs that others gave us
//   - client: our API as seen by our own commands
//
// Workshop:
//
//   - telemetry: logs, metrics and the second net under secrets
//   - chaos: named places to crash at
//   - dev/postgres: a private PostgreSQL
//   - dev/broker: a private Kafka-protocol broker
//   - dev/fetched: what package registries gave to tests
//   - dev/npm: somebody else's JavaScript, for tests
//   - dev/pypi: somebody else's Python, for tests
//   - dbtest: a migrated database for each test
package platform
