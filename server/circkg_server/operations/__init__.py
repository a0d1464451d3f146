"""Operations: metrics, logs, status, administration, free space, proxies, a graceful stop."""
