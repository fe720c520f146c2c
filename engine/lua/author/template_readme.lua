-- template_readme: the README.md that `reeve new` writes.
return [=[
# @TITLE@

Syncs users, groups and who is in them. What `reeve add @NAME@ NAME` connects.

| setting | what |
|---|---|
| `url` | address of the API |
| `client_id`, `client_secret` | OAuth2 client credentials; what the client may read, and where it is made |

| type | what it is | where from |
|---|---|---|
| `user` | every user; `active` false is `disabled` | `GET /users` |
| `group` | every group, with the entitlement `member` | `GET /groups` |
| grants of `member` | who is in a group | `GET /groups/{id}/members` |

| field of a user | from |
|---|---|
| `name` | `full_name` |
| `email`, `login` | `email` |
| `created_at`, `last_login_at` | `created`, `last_login` |
| `profile.department` | `department` |

`reeve sim @NAME@` stands in for the target; `reeve test @NAME@` runs [test/](test/scenarios.lua).
]=]
