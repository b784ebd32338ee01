# The policies that `strongroom policy` prints, for any bucket. The templates of JSON beside this one are its output with places
# to be filled in; a test holds them equal. No provider is needed to read this.

variable "bucket" {
  description = "name of the bucket"
  type        = string
}

variable "prefix" {
  description = "where the vault is in the bucket: empty, or with a slash at its end"
  type        = string
  default     = ""
  validation {
    condition     = var.prefix == "" || can(regex("^[^/].*/$", var.prefix))
    error_message = "The prefix begins with no slash and ends in one."
  }
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov"
  type        = string
  default     = "aws"
}

variable "sets" {
  description = "the sets that the backup role may write"
  type        = list(string)
  validation {
    condition     = length(var.sets) > 0 && alltrue([for set in var.sets : can(regex("^[a-z0-9][a-z0-9._-]{0,62}$", set))])
    error_message = "Names of sets, at least one: lower case letters, digits, dots, dashes and underscores."
  }
}

variable "lock_days" {
  description = "s3.objectLock.days of strongroom.yaml"
  type        = number
}

variable "backup_role" {
  description = "ARN of the backup role, which the policy of the bucket keeps from deleting"
  type        = string
}

variable "unlock_key" {
  description = "ARN of the KMS key that opens the vault"
  type        = string
}

variable "administrators" {
  description = "ARNs of who administers that key"
  type        = list(string)
  default     = []
}

variable "openers" {
  description = "ARNs of the roles that open the vault with it"
  type        = list(string)
  default     = []
}

variable "vault" {
  description = "id of the vault, as `strongroom trust` shows it"
  type        = string
}

variable "generations" {
  description = "generations of its key that the key of KMS opens: [1], and one more after each rotation"
  type        = list(number)
}

locals {
  values = {
    bucket      = var.bucket
    prefix      = var.prefix
    partition   = var.partition
    lock_days   = var.lock_days
    backup_role = var.backup_role
    unlock_key  = var.unlock_key
    vault       = var.vault
    # Taken apart below.
    set        = "@SET@"
    generation = "@GENERATION@"
  }
  roles = ["backup", "verify", "restore", "drill", "prune", "bucket"]
  read  = { for role in local.roles : role => jsondecode(templatefile("${path.module}/${role}.json.tftpl", local.values)) }

  # A statement for each generation, each with its own name.
  statements = {
    for role, policy in local.read : role => flatten([
      for statement in policy.Statement : strcontains(jsonencode(statement), "@GENERATION@") ? [
        for generation in var.generations : jsondecode(replace(replace(jsonencode(statement), "@GENERATION@", tostring(generation)), "\"OpenTheVault\"", "\"OpenTheVault${generation}\""))
      ] : [statement]
    ])
  }

  # A resource for each set.
  policies = {
    for role, statements in local.statements : role => jsonencode({
      Version = local.read[role].Version
      Statement = [
        for statement in statements : merge(statement, {
          Resource = flatten([
            for resource in statement.Resource : strcontains(resource, "@SET@") ? [
              for set in var.sets : replace(resource, "@SET@", set)
            ] : [resource]
          ])
        })
      ]
    })
  }
}

locals {
  # The key's own policy is the only one that counts: nothing gives the right to the account, whose policies could hand
  # kms:Decrypt on everything to anybody. Administrators may wrap (init, keys add) and not open; who changes this policy is
  # seen to. A grant would be a way around it, so nobody may make one.
  administer = {
    Sid       = "Administer"
    Effect    = "Allow"
    Principal = { AWS = var.administrators }
    Action = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
      "kms:EnableKey", "kms:EnableKeyRotation", "kms:Encrypt", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
      "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    Resource = "*"
  }
  open = {
    Sid       = "OpenTheVault"
    Effect    = "Allow"
    Principal = { AWS = var.openers }
    Action    = ["kms:Decrypt"]
    Resource  = "*"
    Condition = {
      StringEquals = {
        "kms:EncryptionContext:vault"      = var.vault
        "kms:EncryptionContext:generation" = [for generation in var.generations : tostring(generation)]
      }
      "ForAllValues:StringEquals" = { "kms:EncryptionContextKeys" = ["vault", "generation"] }
    }
  }
  # As texts: statements of several shapes make no list.
  key_statements = concat([jsonencode(local.administer)], length(var.openers) > 0 ? [jsonencode(local.open)] : [])
  key_policy     = jsonencode({ Version = "2012-10-17", Statement = [for text in local.key_statements : jsondecode(text)] })
}

output "key_policy" {
  description = "policy of the key that opens the vault, as JSON"
  value       = local.key_policy
}

output "policies" {
  description = "policies as JSON, by role, and the one of the bucket as `bucket`"
  value       = local.policies
}
