// Package session owns people who sign in: who they are, how they prove it, the
// browsers they are signed in with, and what they may do for which account.
//
// States of a person: sign-up (no user yet, a code is on its way) → user →
// disabled → user. Of a browser: half (password given, second step owed) → full →
// ended. Half opens nothing but the second step.
//
// Invariants:
//
//   - A user exists only once the address is proven, or an operator made it.
//     Nobody can take an address that is not theirs.
//   - No answer, and no difference in work, tells whether an address has a user:
//     sign-in, sign-up and "forgot password" look the same either way.
//   - At rest there is nothing that opens a door: passwords are argon2id of a keyed
//     hash; cookies, codes, links and recovery codes are keyed hashes; TOTP secrets
//     and recovery codes about to be shown are sealed; of passkeys there are public keys.
//   - Whatever can be guessed is counted before it is tried (throttle.Take): a
//     hundred guesses at once are not a hundred guesses.
//   - Every cookie, code, link, TOTP step and passkey answer counts once.
//   - A cookie is new at every change of rank: signing in, finishing the second step.
//   - A session that ended and a person who was disabled are out at once, on every
//     node: a visit asks the database.
//   - What is delicate asks for a fresh session (Fresh): a proof within ten minutes.
//   - Every account that has people keeps an owner.
//   - What happened is recorded (security_events), append-only, without secrets.
//
// Lock order: user row, then passkeys, then sessions; owners' memberships in order
// of user.
//
// People, sessions, codes and links live in real time, never on the world clock.
package session
