.PHONY: dev test bench format
dev:
	scripts/dev.sh
test:
	scripts/test.sh
