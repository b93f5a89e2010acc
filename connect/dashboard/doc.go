// Package dashboard is the frame in which people see and steer an account: who may
// sit at which desk, the navigation, lists, and the way to the public API. Pages
// themselves live in packages below it and add themselves with Desk.Add.
//
// A desk is one account in one mode. Its pages stand under
// /dashboard/{account}/{test|live} for a platform and under
// /earnings/{account}/{test|live} for a connected account.
//
// What must be true:
//
//   - A page does nothing that the public API would not let the person's role do: it
//     has no other way to data than a client of that API, whose credential is opened
//     for one request (Gate.Open) and forgotten after it.
//   - The address is the state: filters, tabs, columns and pages are in it.
//   - Whatever moves money carries an idempotency key made when its form was shown.
//   - Times are shown in the account's zone, amounts by one formatter.
package dashboard
