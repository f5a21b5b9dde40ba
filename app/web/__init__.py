"""What the API and the pages for browsers share: packed answers, and the headers that keep a page safe."""
