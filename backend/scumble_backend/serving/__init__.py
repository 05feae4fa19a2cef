"""What serves: sockets, the queue, leases, packs on request, trainings in processes of their own."""
