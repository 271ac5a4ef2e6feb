package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
)

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// jwt is a signed token (RFC 7519), as Entra ID and Kubernetes sign theirs.
func jwt(claims map[string]any) string {
	text := part(map[string]any{"typ": "JWT", "alg": "RS256", "kid": "nsgflow-test"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, signingKey(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(v map[string]any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// signed reports whether an assertion is signed by the key of the identity's
// certificate, as MSAL does it.
func (i *Identity) signed(assertion string) bool {
	at := strings.LastIndexByte(assertion, '.')
	if at < 0 {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(assertion[at+1:])
	sum := sha256.Sum256([]byte(assertion[:at]))
	return err == nil && (rsa.VerifyPSS(i.certified, crypto.SHA256, sum[:], signature, nil) == nil ||
		rsa.VerifyPKCS1v15(i.certified, crypto.SHA256, sum[:], signature) == nil)
}
