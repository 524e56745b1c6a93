# What people write for machines on a network that exists. Run by terraform.py.
terraform {
  required_providers {
    oci = {
      source = "oracle/oci"
    }
  }
}

variable "tenancy" { type = string }
variable "user" { type = string }
variable "fingerprint" { type = string }
variable "key_file" { type = string }
variable "region" { type = string }
variable "compartment" { type = string }
variable "image" { type = string }
variable "subnet" { type = string }
variable "machines" { type = number }
variable "pool_size" { type = number }
variable "ocpus" { type = number }
variable "reserved" { type = number }
variable "state" { type = string }
variable "tags" { type = map(string) }

provider "oci" {
  tenancy_ocid     = var.tenancy
  user_ocid        = var.user
  fingerprint      = var.fingerprint
  private_key_path = var.key_file
  region           = var.region
}

data "oci_identity_availability_domains" "all" {
  compartment_id = var.tenancy
}

locals {
  domain = data.oci_identity_availability_domains.all.availability_domains[0].name
}

resource "oci_core_instance" "web" {
  count               = var.machines
  availability_domain = local.domain
  compartment_id      = var.compartment
  display_name        = "web-${count.index + 1}"
  freeform_tags       = var.tags
  shape               = "VM.Standard.E4.Flex"
  state               = var.state
  shape_config {
    ocpus         = var.ocpus
    memory_in_gbs = 6 * var.ocpus
  }
  source_details {
    source_type = "image"
    source_id   = var.image
  }
  create_vnic_details {
    subnet_id      = var.subnet
    hostname_label = "web-${count.index + 1}"
  }
}

resource "oci_core_compute_capacity_reservation" "held" {
  availability_domain = local.domain
  compartment_id      = var.compartment
  display_name        = "held"
  instance_reservation_configs {
    instance_shape = "VM.Standard.E4.Flex"
    reserved_count = var.reserved
    instance_shape_config {
      ocpus         = 1
      memory_in_gbs = 6
    }
  }
}

resource "oci_core_instance_configuration" "template" {
  compartment_id = var.compartment
  display_name   = "template"
  instance_details {
    instance_type = "compute"
    launch_details {
      compartment_id = var.compartment
      shape          = "VM.Standard.E4.Flex"
      shape_config {
        ocpus         = 1
        memory_in_gbs = 6
      }
      source_details {
        source_type = "image"
        image_id    = var.image
      }
      create_vnic_details {
        subnet_id = var.subnet
      }
    }
  }
}

resource "oci_core_instance_pool" "pool" {
  compartment_id            = var.compartment
  display_name              = "pool"
  instance_configuration_id = oci_core_instance_configuration.template.id
  size                      = var.pool_size
  placement_configurations {
    availability_domain = local.domain
    primary_subnet_id   = var.subnet
  }
}
