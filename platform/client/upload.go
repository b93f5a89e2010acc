package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
)

// Upload sends a file with params, as POST /v1/files wants it.
func (c *Client) Upload(ctx context.Context, path string, params url.Values, filename string, content []byte, into any) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, values := range params {
		for _, value := range values {
			if err := form.WriteField(name, value); err != nil {
				return fmt.Errorf("write form: %w", err)
			}
		}
	}
	part, err := form.CreateFormFile("file", filename)
	if err != nil {
		return fmt.Errorf("write form: %w", err)
	}
	if _, err := part.Write(content); err != nil {
		return fmt.Errorf("write form: %w", err)
	}
	if err := form.Close(); err != nil {
		return fmt.Errorf("write form: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, &body, form.FormDataContentType(), rand.Text(), into)
}
