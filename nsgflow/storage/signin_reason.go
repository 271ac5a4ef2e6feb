package storage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"fluent-bit-nsgflow/nsgflow/storage/internal/oneline"
)

// reason is why a service of Azure refused, in one line: the status, the codes
// and, of who issues tokens, the first sentence. The texts of the SDK's errors
// are many lines, with the whole answer.
func reason(answer *http.Response) string {
	text := fmt.Sprintf("HTTP %d", answer.StatusCode)
	body, err := runtime.Payload(answer)
	if err != nil {
		return text
	}
	for _, says := range []func([]byte) string{tokenServiceSays, managerSays, appServiceSays} {
		if more := says(body); more != "" {
			text += " " + more
			break
		}
	}
	return oneline.Of(text)
}

// tokenServiceSays is for Entra ID, whose descriptions begin with a code
// ("AADSTS7000215: Invalid client secret provided. Ensure …"), and for IMDS
// (RFC 6749, 5.2).
func tokenServiceSays(body []byte) string {
	var answer struct {
		Error       string
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error == "" {
		return ""
	}
	sentence, _, _ := strings.Cut(answer.Description+" ", ". ")
	return answer.Error + " " + sentence
}

// managerSays is for a resource manager. Its outer code is often BadRequest,
// the details say why.
func managerSays(body []byte) string {
	type coded struct{ Code string }
	var answer struct {
		Error struct {
			Code    string
			Details []coded
		}
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	text := answer.Error.Code
	for _, d := range answer.Error.Details {
		if d.Code != answer.Error.Code {
			text += " " + d.Code
		}
	}
	return text
}

// appServiceSays is for the managed identities of App Service.
func appServiceSays(body []byte) string {
	var answer struct{ Message string }
	json.Unmarshal(body, &answer)
	return answer.Message
}
