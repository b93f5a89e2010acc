// The official Node SDK on a string: each line on standard input is one call, each
// line on standard output its answer. A test in Go holds the other end.
//
//   {"call": ["paymentIntents", "create"], "args": [{…}, {"stripeAccount": "acct_…"}]}
//   {"result": {…}} or {"error": {"class": "StripeCardError", …}}
//
// With "all" in place of "call" a list is read to its end with the SDK's own
// iterator, and the result is the array of its objects. {"$bytes": "…"} in an
// argument stands for a Buffer, in base64.
'use strict';

const readline = require('node:readline');
const Stripe = require('stripe');

const base = new URL(process.env.SLUICE_BASE_URL);
const stripe = new Stripe(process.env.SLUICE_API_KEY, {
  host: base.hostname, port: Number(base.port), protocol: 'http', maxNetworkRetries: 0, telemetry: false,
});

async function answer({call, all, args}) {
  const path = call || all;
  const method = path[path.length - 1];
  const owner = path.slice(0, -1).reduce((object, name) => object[name], stripe);
  if (call) return owner[method](...args);
  const found = [];
  for await (const object of owner[method](...args)) found.push(object);
  return found;
}

const revive = (_, value) => (value && value.$bytes !== undefined ? Buffer.from(value.$bytes, 'base64') : value);

function shown(e) {
  return {
    class: e.type || e.name, rawType: e.rawType, code: e.code, decline_code: e.decline_code, param: e.param,
    message: e.message, statusCode: e.statusCode, requestId: e.requestId, charge: e.charge,
    payment_intent: e.payment_intent && e.payment_intent.id,
  };
}

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    let out;
    try {
      out = {result: await answer(JSON.parse(line, revive))};
    } catch (e) {
      out = {error: shown(e)};
    }
    process.stdout.write(JSON.stringify(out) + '\n');
  }
})();
