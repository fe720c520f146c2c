-- auth: ctx.auth and ctx.hmac, ways to say who we are. See contract.lua for the form.

local TOKEN_URL = { "token_url", "LateText", "Where tokens are fetched.", need = true }
local SCOPE = { "scope", "LateText", "What is asked for." }
local PARAMS = { "params", "LateTable", "More fields of the form." }
local ALGORITHMS = "RS256 ES256 EdDSA HS256"

-- What an assertion that a client signs is made of.
local function assertion(key)
  return key, { "alg", "string", "How it is signed: RS256 unless told.", choices = ALGORITHMS },
    { "kid", "LateText", "The key's name, as the target knows it." },
    { "audience", "LateText", "Whom the assertion is for: token_url unless told." },
    { "claims", "LateTable", "More claims of the assertion, or others." }
end

return {
  { "ctx.auth",
    "Ways to say who we are. What they return is opaque; it goes into M.http's auth or a request's.",
    class = "AuthKinds", given = true,
    { "header", "(name: string, value: LateAny): Auth", "A fixed header.", raises = "for what is no name or value" },
    { "basic", "(id: LateAny, password: LateAny): Auth", "HTTP Basic.", raises = "for what is no text or secret" },
    { "client_credentials", "(options: ClientCredentials): Auth",
      "OAuth 2: a token for id and secret, fetched when needed, renewed before its end, kept sealed.",
      raises = "for an option that is missing or wrong" },
    { "refresh_token", "(options: RefreshToken): Auth",
      "OAuth 2: a token for a refresh token. One that the target replaces is sealed before its token is used.",
      raises = "for an option that is missing or wrong" },
    { "jwt_bearer", "(options: JwtBearer): Auth",
      "OAuth 2 (RFC 7523): a token for an assertion that is signed with a key, as service accounts have one.",
      raises = "for an option that is missing or wrong" },
    { "custom", "(fn: fun(ctx: Ctx): Secret, Time|string?): Auth",
      "A function that returns the Authorization header's value and when it ends. Its requests carry no credential "
        .. "but those they name.",
      raises = "where the function returns no secret" },
    { "jwt", "(options: Jwt): Secret", "A signed token (RFC 7519).",
      raises = "for an option that is missing or wrong" },
  },
  { "client_credentials", "Options of ctx.auth.client_credentials.", class = "ClientCredentials",
    TOKEN_URL,
    { "id", "LateAny", "The client's id.", need = true },
    { "secret", "LateAny", "The client's secret; not for private_key_jwt." },
    { "style", "string", "How the client says who it is: id and secret in a header (unless told), in the form; or "
      .. "an assertion signed with its key.", choices = "basic body private_key_jwt" },
    SCOPE, PARAMS,
    assertion { "key", "LateSecret", "The private key of private_key_jwt, as PEM." },
  },
  { "refresh_token", "Options of ctx.auth.refresh_token.", class = "RefreshToken",
    TOKEN_URL,
    { "id", "LateAny", "The client's id.", need = true },
    { "secret", "LateAny", "The client's secret, for the styles basic and body." },
    { "refresh_token", "LateSecret", "The first refresh token, a setting; another one begins anew.", need = true },
    { "style", "string", "As of client_credentials; none sends the id alone.",
      choices = "basic body private_key_jwt none" },
    SCOPE, PARAMS,
    assertion { "key", "LateSecret", "The private key of private_key_jwt, as PEM." },
  },
  { "jwt_bearer", "Options of ctx.auth.jwt_bearer.", class = "JwtBearer",
    TOKEN_URL,
    { "issuer", "LateAny", "Who signs: the client, or the service account.", need = true },
    { "subject", "LateAny", "For whom, where the target wants to know." },
    SCOPE, PARAMS,
    assertion { "key", "LateSecret", "The private key, as PEM.", need = true },
  },
  { "jwt", "Options of ctx.auth.jwt.", class = "Jwt",
    { "key", "LateSecret", "The private key, as PEM; for HS256 the shared secret.", need = true },
    { "alg", "string", "How it is signed: RS256 unless told.", choices = ALGORITHMS },
    { "claims", "LateTable", "What it says; iat, nbf and exp become whole seconds.", need = true },
    { "header", "LateTable", "More of its header, kid for one; alg and typ are there." },
  },
  { "hmac", "Options of ctx.hmac.", class = "Hmac",
    { "key", "LateSecret", "The shared secret.", need = true },
    { "hash", "string", "sha256 unless told.", choices = "sha256 sha1 sha512" },
    { "data", "LateAny", "What is hashed.", need = true },
    { "encoding", "string", "How the result is written: hex unless told.", choices = "hex base64 base64url" },
  },
}
