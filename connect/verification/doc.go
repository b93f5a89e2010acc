// Package verification is the port to whoever can tell whether people and
// companies are who they say they are. What must be verified, and what follows
// from an answer, is decided in package connect; a verifier only answers.
//
//	queued ──Start──▶ pending ──Get / callback──▶ complete ──later revision──▶ complete
//
// A verifier answers about requirements, one by one: verified, failed (code,
// message, requirement), pending, or needs_document. Answers carry a revision
// that only grows, so that callbacks may come twice and in any order: the
// highest revision is the answer. A verifier that cannot be asked returns an
// error, which is never a "no".
package verification
