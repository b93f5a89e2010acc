// oauth4webapi as an application uses it, strict as it is: discovery, a pushed
// request, PKCE, state and iss checked, then every endpoint of the metadata. A test in
// Go holds the other end: it is the person who follows the link.
//
//   > {"authorize": "http://…/oauth/authorize?…"}
//   < {"redirect": "http://…/callback?code=…"}
//   > {"result": {…}} or {"error": "…"}
'use strict';

const readline = require('node:readline');
const {pathToFileURL} = require('node:url');

globalThis.crypto ??= require('node:crypto').webcrypto;

const env = process.env;

function check(right, what) {
  if (!right) throw new Error(what);
}

async function refused(promise, what) {
  try {
    await promise;
  } catch {
    return;
  }
  throw new Error(what);
}

async function flow(oauth, ask) {
  const plain = {[oauth.allowInsecureRequests]: true}; // the server is on this machine
  const issuer = new URL(env.SLUICE_BASE_URL);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, {algorithm: 'oauth2', ...plain}));
  check(as.authorization_response_iss_parameter_supported === true, 'iss is not announced');
  check(as.code_challenge_methods_supported.join() === 'S256', 'S256 alone should be announced');

  const client = {client_id: env.OAUTH_CLIENT_ID};
  const proof = {
    client_secret_post: () => oauth.ClientSecretPost(env.OAUTH_CLIENT_SECRET),
    client_secret_basic: () => oauth.ClientSecretBasic(env.OAUTH_CLIENT_SECRET),
    none: () => oauth.None(),
  }[env.OAUTH_METHOD]();
  check(as.token_endpoint_auth_methods_supported.includes(env.OAUTH_METHOD), env.OAUTH_METHOD + ' is not announced');

  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const request = new URLSearchParams({
    redirect_uri: env.OAUTH_REDIRECT_URI, response_type: 'code', scope: 'read_write', state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const pushed = await oauth.processPushedAuthorizationResponse(as, client,
    await oauth.pushedAuthorizationRequest(as, client, proof, request, plain));
  const link = new URL(as.authorization_endpoint);
  link.searchParams.set('client_id', client.client_id);
  link.searchParams.set('request_uri', pushed.request_uri);

  const redirect = new URL((await ask({authorize: link.href})).redirect);
  const stranger = new URL(redirect);
  stranger.searchParams.set('iss', 'https://evil.example');
  await refused((async () => oauth.validateAuthResponse(as, client, stranger, state))(), 'a stranger\'s iss passed');
  stranger.searchParams.delete('iss');
  await refused((async () => oauth.validateAuthResponse(as, client, stranger, state))(), 'an answer without iss passed');
  const answer = oauth.validateAuthResponse(as, client, redirect, state);

  const exchange = () => oauth.authorizationCodeGrantRequest(as, client, proof, answer, env.OAUTH_REDIRECT_URI, verifier, plain);
  const token = await oauth.processAuthorizationCodeResponse(as, client, await exchange());
  const balance = (key) => oauth.protectedResourceRequest(key, 'GET', new URL('/v1/balance', issuer), undefined, undefined, plain);
  check((await balance(token.access_token)).status === 200, 'the access token does not work');

  const renewed = await oauth.processRefreshTokenResponse(as, client,
    await oauth.refreshTokenGrantRequest(as, client, proof, token.refresh_token, {additionalParameters: {scope: 'read_only'}, ...plain}));
  check((await balance(renewed.access_token)).status === 200, 'the renewed access token does not work');

  const result = {account: token.stripe_user_id, scope: token.scope, tokenType: token.token_type, renewedScope: renewed.scope};
  if (env.OAUTH_METHOD !== 'none') { // a public client cannot prove who asks
    const inspect = async () => oauth.processIntrospectionResponse(as, client,
      await oauth.introspectionRequest(as, client, proof, renewed.access_token, plain));
    const before = await inspect();
    check(before.active === true && before.client_id === client.client_id && before.iss === as.issuer, 'introspection: ' + JSON.stringify(before));
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, proof, renewed.access_token, plain));
    check((await inspect()).active === false, 'the token is active after revocation');
  } else {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, proof, renewed.access_token, plain));
  }
  await refused((async () => oauth.processAuthorizationCodeResponse(as, client, await exchange()))(), 'the code worked twice');
  return result;
}

(async () => {
  const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();
  const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');
  const ask = async (object) => {
    say(object);
    return JSON.parse((await lines.next()).value);
  };
  try {
    const oauth = await import(pathToFileURL(require.resolve('oauth4webapi')));
    say({result: await flow(oauth, ask)});
  } catch (e) {
    say({error: `${e.name}: ${e.message} ${e.cause ? JSON.stringify(e.cause) : ''}`});
  }
  process.exit();
})();
