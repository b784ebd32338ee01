# A bucket for a vault, the KMS key that opens it, and a role for each kind of work, each with the least that it needs.
#
#   terraform apply -var bucket=acme-backups -var 'sets=["app"]' -var 'trusted={ backup = ["arn:aws:iam::111122223333:role/web"] }'
#   strongroom init --location s3://acme-backups/shop --kms "$(terraform output -raw unlock_key)"
#
# Then apply once more with the id of the vault (`strongroom trust` shows it): -var vault=… lets the roles that restore
# open it. The key's own policy names who may: no policy of the account hands it to anybody else, only the key's
# administrators can, by changing that policy. Whoever rotates the vault's key opens it first, with the passphrase or a key
# of another kind, which every vault should have; or an administrator adds them to that policy for as long.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60, < 7.0"
    }
  }
}

variable "bucket" {
  description = "name of the bucket, which is made"
  type        = string
}

variable "prefix" {
  description = "where the vault is in the bucket: empty, or with a slash at its end"
  type        = string
  default     = "shop/"
}

variable "sets" {
  description = "the sets that the backup role may write"
  type        = list(string)
}

variable "lock_days" {
  description = "nobody removes an object before so many days have passed (s3.objectLock in strongroom.yaml)"
  type        = number
  default     = 30
}

variable "vault" {
  description = "id of the vault, once it is there"
  type        = string
  default     = ""
}

variable "generations" {
  description = "generations of the vault's key: one more after each `strongroom keys rotate`"
  type        = list(number)
  default     = [1]
}

variable "administrators" {
  description = "ARNs of roles or users that administer the KMS key, at least two, and whoever applies this among them; the latter alone unless given"
  type        = list(string)
  default     = []
}

variable "trusted" {
  description = "who may take on which role: backup, verify, restore, drill, prune to ARNs"
  type        = map(list(string))
  default     = {}
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}
data "aws_iam_session_context" "here" {
  arn = data.aws_caller_identity.here.arn
}

locals {
  # Those that open the vault have nothing to open before it is there.
  opening = ["restore", "drill"]
  roles   = toset([for role, who in var.trusted : role if length(who) > 0 && !(var.vault == "" && contains(local.opening, role))])
  # Of a session the role.
  administrators = length(var.administrators) > 0 ? var.administrators : [data.aws_iam_session_context.here.issuer_arn]
  # By name: the policy of the bucket speaks of it before it is made.
  backup_role = "arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.here.account_id}:role/strongroom-backup-${var.bucket}"
}

resource "aws_s3_bucket" "vault" {
  bucket              = var.bucket
  object_lock_enabled = true
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "vault" {
  bucket = aws_s3_bucket.vault.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "vault" {
  bucket                  = aws_s3_bucket.vault.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "vault" {
  bucket = aws_s3_bucket.vault.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Besides strongroom's own encryption, which is what counts.
resource "aws_s3_bucket_server_side_encryption_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Each object says for itself how long it is locked; this holds for what says nothing.
resource "aws_s3_bucket_object_lock_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = var.lock_days
    }
  }
  depends_on = [aws_s3_bucket_versioning.vault]
}

# Old versions are what pruning has removed: they go when nobody holds them any more.
resource "aws_s3_bucket_lifecycle_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.lock_days
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
  depends_on = [aws_s3_bucket_versioning.vault]
}

resource "aws_kms_key" "unlock" {
  description             = "opens the strongroom vault in ${var.bucket}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_key_policy" "unlock" {
  key_id = aws_kms_key.unlock.key_id
  policy = module.policies.key_policy
}

resource "aws_kms_alias" "unlock" {
  name          = "alias/strongroom-${replace(var.bucket, ".", "-")}"
  target_key_id = aws_kms_key.unlock.key_id
}

module "policies" {
  source      = "./policies"
  bucket      = var.bucket
  prefix      = var.prefix
  partition   = data.aws_partition.here.partition
  sets        = var.sets
  lock_days   = var.lock_days
  backup_role = local.backup_role
  unlock_key  = aws_kms_key.unlock.arn
  vault       = var.vault
  generations = var.generations

  administrators = local.administrators
  openers        = [for role in local.opening : aws_iam_role.role[role].arn if contains(local.roles, role)]
}

resource "aws_iam_role" "role" {
  for_each = local.roles
  name     = "strongroom-${each.key}-${var.bucket}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.trusted[each.key] }
    }]
  })
}

resource "aws_iam_role_policy" "role" {
  for_each = local.roles
  name     = "strongroom-${each.key}"
  role     = aws_iam_role.role[each.key].id
  policy   = module.policies.policies[each.key]
}

# Needs the backup role, so that its name means somebody.
resource "aws_s3_bucket_policy" "vault" {
  count      = contains(local.roles, "backup") ? 1 : 0
  bucket     = aws_s3_bucket.vault.id
  policy     = module.policies.policies["bucket"]
  depends_on = [aws_iam_role.role, aws_s3_bucket_public_access_block.vault]
}

output "location" {
  description = "for --location"
  value       = "s3://${var.bucket}/${trimsuffix(var.prefix, "/")}"
}

output "unlock_key" {
  description = "for `strongroom init --kms`"
  value       = aws_kms_key.unlock.arn
}

output "roles" {
  description = "ARNs of the roles"
  value       = { for role in local.roles : role => aws_iam_role.role[role].arn }
}
