"""Formats of secrets as their vendors document them: kind to RE2 expression, whose first group is the secret.

A format whose first characters are not fixed begins with a boundary, so that a search stays one pass over the text.
What must not follow one stands in NEVER_BEFORE: to take the next character into the match would hide a secret after it.
"""

FORMATS: dict[str, str] = {
    # Code hosting and packages
    "github-token": r"\b(gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,251})\b",
    "gitlab-token": (
        r"\b(gl(?:pat|dt|ft|rt|cbt|ptt|agent|oas|soat|imt|ffct|wt)-[A-Za-z0-9_\-]{20,300}(?:\.[0-9a-z]{9})?"
        r"|GR1348941[A-Za-z0-9_\-]{20})"
    ),
    "bitbucket-token": r"\b(AT(?:BB[A-Za-z0-9]{32}|CTT3x[A-Za-z0-9_\-=]{100,250}))",
    "npm-token": r"\b(npm_[A-Za-z0-9]{36})\b",
    "pypi-token": r"\b(pypi-AgE[A-Za-z0-9_\-]{50,1000})",
    "rubygems-key": r"\b(rubygems_[a-f0-9]{48})\b",
    "crates-token": r"\b(cio[A-Za-z0-9]{32})\b",
    "nuget-key": r"\b(oy2[a-z0-9]{43})\b",
    "docker-token": r"\b(dckr_(?:pat|oat)_[A-Za-z0-9_\-]{27,40})",
    "artifactory-token": r"\b(AKCp[A-Za-z0-9]{69}|cmVmdGtu[A-Za-z0-9]{56})\b",
    "sourcegraph-token": r"\b(sgp_(?:[A-Fa-f0-9]{16}_|local_)?[A-Fa-f0-9]{40})\b",
    "sonar-token": r"\b(sq[apu]_[a-f0-9]{40})\b",
    "circleci-token": r"\b(CCI(?:PAT|PRJ)_[A-Za-z0-9]{20,24}_[a-f0-9]{40})\b",
    "octopus-key": r"\b(API-[A-Z0-9]{26})\b",
    # Clouds
    "aws-access-key-id": r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
    "aws-secret-key": (r"(?i)aws_?(?:secret)?_?(?:access)?_?key[\"']?\s{0,3}[:=]\s{0,3}[\"']?([A-Za-z0-9/+]{40})"),
    "aws-bedrock-key": (
        r"\b(ABSK[A-Za-z0-9+/]{100,269}={0,2}|bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[\w+/=%]{20,})"
    ),
    "google-api-key": r"\b(AIza[A-Za-z0-9_\-]{35})",
    "google-oauth-secret": r"\b(GOCSPX-[A-Za-z0-9_\-]{28})",
    "google-oauth-token": r"\b(ya29\.[A-Za-z0-9_\-]{30,400})",
    "google-refresh-token": r"\b(1//0[A-Za-z0-9_\-]{40,200})",
    "azure-client-secret": (r"(?:^|[^A-Za-z0-9_~.\-])([A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,34})"),
    "azure-access-key": (r"(?i)(?:AccountKey|SharedAccessKey)\s{0,2}=\s{0,2}([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)"),
    "azure-key": r"\b([A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})\b",
    "azure-signature": r"[?&]sig=([A-Za-z0-9%+/]{42,64}(?:%3D|=))",
    "digitalocean-token": r"\b(do[opr]_v1_[a-f0-9]{64})\b",
    "cloudflare-key": r"\b(v1\.0-[a-f0-9]{24}-[a-f0-9]{146})\b",
    "alibaba-key-id": r"\b(LTAI[A-Za-z0-9]{12,20})\b",
    "heroku-key": r"\b(HRKU-AA[A-Za-z0-9_\-]{58})",
    "fly-token": r"\b(fo1_[\w\-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{100,}={0,3})",
    "netlify-token": r"\b(nfp_[A-Za-z0-9]{36})\b",
    "vercel-key": r"\b(vc[aikpr]_[A-Za-z0-9]{48,64})\b",
    "databricks-token": r"\b(dapi[a-f0-9]{32}(?:-\d)?)\b",
    "planetscale-token": r"\b(pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_\-.=]{32,64})",
    "neon-key": r"\b(napi_[a-z0-9]{60,70})\b",
    "supabase-token": r"\b(sb(?:p|_secret)_[A-Za-z0-9_]{20,80})\b",
    "openshift-token": r"\b(sha256~[A-Za-z0-9_\-]{43})",
    "terraform-token": r"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{60,70})",
    "pulumi-token": r"\b(pul-[a-f0-9]{40})\b",
    # Models and what agents use
    "anthropic-key": r"\b(sk-ant-[A-Za-z0-9_\-]{20,200})",
    "openai-key": (
        r"\b(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_\-]{20,250}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"
        r"|sk-[A-Za-z0-9]{48}|sk-[a-f0-9]{32})\b"
    ),
    "openrouter-key": r"\b(sk-or-v1-[0-9a-f]{64})\b",
    "huggingface-token": r"\b((?:hf|api_org)_[A-Za-z]{34})\b",
    "groq-key": r"\b(gsk_[A-Za-z0-9]{52})\b",
    "perplexity-key": r"\b(pplx-[A-Za-z0-9]{48})\b",
    "xai-key": r"\b(xai-[A-Za-z0-9]{80})\b",
    "replicate-token": r"\b(r8_[A-Za-z0-9]{37})\b",
    "langsmith-key": r"\b(lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10})\b",
    "pinecone-key": r"\b(pcsk_[A-Za-z0-9_]{60,80})\b",
    "tavily-key": r"\b(tvly-(?:dev-|prod-)?[A-Za-z0-9\-]{20,64})",
    "firecrawl-key": r"\b(fc-[a-f0-9]{32})\b",
    "apify-token": r"\b(apify_api_[A-Za-z0-9]{36})\b",
    # Work and messages
    "slack-token": (
        r"\b(xox[bcopse]-(?:\d{5,16}-){1,3}[A-Za-z0-9]{12,64}|xox[ar]-(?:\d{1,16}-){0,3}[A-Za-z0-9]{16,64}"
        r"|xoxd-[A-Za-z0-9%+/]{40,300}|xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{100,200}|xapp-\d-[A-Z0-9]{8,14}-\d{8,16}-\w{32,80})"
    ),
    "slack-webhook": r"(https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60})",
    "discord-token": r"\b([MNO][A-Za-z\d_\-]{23,27}\.[\w\-]{6}\.[\w\-]{27,38})",
    "discord-webhook": r"(https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w\-]{60,80})",
    "telegram-token": r"\b(\d{8,10}:AA[A-Za-z0-9_\-]{33})",
    "facebook-token": r"\b(EAA[A-Za-z0-9]{97,300}|\d{15,16}\|[A-Za-z0-9_\-]{26,28})",
    "notion-token": r"\b(ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})\b",
    "linear-key": r"\b(lin_(?:api|oauth)_[A-Za-z0-9]{40,64})\b",
    "atlassian-token": r"\b(ATATT3[A-Za-z0-9_\-=]{180,250})",
    "airtable-token": r"\b(pat[A-Za-z0-9]{14}\.[a-f0-9]{64})\b",
    "figma-token": r"\b(figd_[A-Za-z0-9_\-]{38,60})",
    "postman-key": r"\b(PMAK-[a-f0-9]{24}-[a-f0-9]{34})\b",
    "contentful-token": r"\b(CFPAT-[A-Za-z0-9_\-]{43})",
    "intra42-secret": r"\b(s-s4t2(?:ud|af)-[a-f0-9]{64})\b",
    # Payment, mail, telephone
    "stripe-key": r"\b((?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/]{32,64})\b",
    "shopify-token": r"\b(shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32})\b",
    "square-token": r"\b(sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,43})",
    "sendgrid-key": r"\b(SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43})",
    "brevo-key": r"\b(xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16})\b",
    "mailchimp-key": r"\b([a-f0-9]{32}-us\d{1,2})\b",
    "mailgun-key": r"\b(key-[a-f0-9]{32})\b",
    "twilio-key": r"\b(SK[0-9a-f]{32})\b",
    # Watching
    "grafana-token": r"\b(gl(?:sa|c)_[A-Za-z0-9_+/=]{32,400})",
    "newrelic-key": r"\b(NRAK-[A-Z0-9]{27})\b",
    "sentry-token": r"\b(sntryu_[a-f0-9]{64}|sntrys_eyJ[A-Za-z0-9+/=_]{40,400})",
    "dynatrace-token": r"\b(dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64})\b",
    # Keepers of secrets
    "vault-token": r"\b(hv[sbr]\.[A-Za-z0-9_\-]{24,300})",
    "vault-legacy-token": r"(?:^|[\s\"'=:])([sb]\.[A-Za-z0-9]{24})",
    "doppler-token": r"\b(dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._\-]{40,80})",
    "onepassword-token": r"\b(ops_eyJ[A-Za-z0-9_\-+/=]{100,})",
    "onepassword-key": r"\b(A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3})\b",
    "age-key": r"\b(AGE-SECRET-KEY-1[0-9A-Z]{58})\b",
    # Forms that no vendor owns
    "jwt": r"\b(eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,})",
    "private-key": (  # whole, or cut short after its first line
        r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\S]{16,}?-----END|(?:\s|\\[nr])*[A-Za-z0-9+/]{40,}[A-Za-z0-9+/=\s\\]*))"
    ),
    "url-password": r"[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s:/@?#]{0,100}:([^\s/?#]{1,300})@",
}

# kind: a class of characters of which none stands right after the secret.
NEVER_BEFORE: dict[str, str] = {
    "aws-secret-key": r"[A-Za-z0-9/+=]",
    "google-api-key": r"[A-Za-z0-9_\-]",
    "azure-client-secret": r"[A-Za-z0-9_~\-]",
    "facebook-token": r"[A-Za-z0-9_\-]",
    "slack-token": r"[A-Za-z0-9\-]",
    "vault-legacy-token": r"[A-Za-z0-9.(]",
}
