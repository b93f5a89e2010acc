package connecthttp

import (
	"strings"
	"testing"
)

func TestWhatADeviceAnswersIsCutBeforeItWaits(t *testing.T) {
	long := strings.Repeat("x", maxFrame/2-200)
	reply, ok := replyOf([]byte(`{"type":"webhook_response","status":200,"body":"` + long + `","webhook_conversation_id":"` + long + `"}`))
	if !ok || !reply.Answered || reply.Status != 200 {
		t.Fatalf("%v, status %d", ok, reply.Status)
	}
	if cap(reply.Body) > 2*maxAnswer || len(reply.Delivery) > maxAnswer {
		t.Errorf("%d bytes of body and %d of name are held", cap(reply.Body), len(reply.Delivery))
	}
}
