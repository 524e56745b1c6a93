"""How people launch many instances with the official Python SDK today, two ways, against a simulated region.

    sdk.py one-by-one|threads CONFIG ENDPOINT COUNT COMPARTMENT SUBNET IMAGE AVAILABILITY_DOMAIN

one-by-one: the algorithm that this project began with: one launch after the other with a pause of a second, then each
instance is asked for every ten seconds until it runs. No retries.
threads: sixteen threads, the SDK's default retry strategy, and its own waiter for each instance.

Prints one JSON object: Unix times at which launches were accepted and instances seen RUNNING.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import oci

THREADS = 16


def details(number, compartment, subnet, image, domain):
    models = oci.core.models
    return models.LaunchInstanceDetails(
        availability_domain=domain,
        compartment_id=compartment,
        display_name=f"peer-{number}",
        shape="VM.Standard.E5.Flex",
        shape_config=models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
        source_details=models.InstanceSourceViaImageDetails(image_id=image),
        create_vnic_details=models.CreateVnicDetails(subnet_id=subnet, assign_public_ip=False),
    )


def one_by_one(compute, bodies, launched, running):
    ids = []
    for body in bodies:
        try:
            ids.append(compute.launch_instance(body, retry_strategy=oci.retry.NoneRetryStrategy()).data.id)
            launched.append(time.time())
        except oci.exceptions.ServiceError as error:
            print(error.status, error.code, file=sys.stderr)
        time.sleep(1)
    for instance in ids:
        while compute.get_instance(instance).data.lifecycle_state != "RUNNING":
            time.sleep(10)
        running.append(time.time())


def threads(compute, bodies, launched, running):
    retry = oci.retry.DEFAULT_RETRY_STRATEGY

    def launch(body):
        instance = compute.launch_instance(body, retry_strategy=retry).data.id
        launched.append(time.time())
        return instance

    def wait(instance):
        oci.wait_until(compute, compute.get_instance(instance, retry_strategy=retry), "lifecycle_state", "RUNNING")
        running.append(time.time())

    # Waiting begins as launches are accepted: the kindest way to wait with threads.
    with ThreadPoolExecutor(THREADS) as launchers, ThreadPoolExecutor(THREADS) as waiters:
        tasks = [launchers.submit(launch, body) for body in bodies]
        for task in [waiters.submit(wait, task.result()) for task in tasks]:
            task.result()


def main():
    way, config, endpoint, count, compartment, subnet, image, domain = sys.argv[1:]
    compute = oci.core.ComputeClient(oci.config.from_file(config), service_endpoint=endpoint)
    # One connection for each thread, or the pool's warnings and reconnects would slow the SDK down.
    compute.base_client.session.mount("http://", oci.base_client.requests.adapters.HTTPAdapter(pool_maxsize=2 * THREADS))
    bodies = [details(number, compartment, subnet, image, domain) for number in range(1, int(count) + 1)]
    launched, running = [], []
    began = time.time()
    {"one-by-one": one_by_one, "threads": threads}[way](compute, bodies, launched, running)
    json.dump({"began": began, "launched": sorted(launched), "running": sorted(running)}, sys.stdout)


main()
