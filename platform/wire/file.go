package wire

// File is something that an account uploaded.
type File struct {
	ID        string    `json:"id"`
	Object    string    `json:"object"` // always "file"
	Created   int64     `json:"created"`
	ExpiresAt *int64    `json:"expires_at"` // from when on there is no content any more
	Filename  *string   `json:"filename"`
	Links     List[Ref] `json:"links"` // always empty: files are not shared by link
	Purpose   string    `json:"purpose"`
	Size      int64     `json:"size"`
	Title     *string   `json:"title"`
	Type      *string   `json:"type"` // gif, jpg, pdf or png
	URL       *string   `json:"url"`  // always null: contents are not handed out
}
