# The conversions of Lora.Types.ps1xml are in the assembly, and a manifest reads its type files before it loads one: Lora.psm1 imports this after it.
@{
    ModuleVersion     = '0.2.0'
    GUID              = '1c0a8e4d-6d5f-4a55-9f0c-2f6f0c7b4d11'
    Author            = 'The Lora contributors'
    CompanyName       = 'The Lora contributors'
    Copyright         = 'Copyright (c) The Lora contributors. MIT licence.'
    Description       = 'What PowerShell should know of the types of the module Lora.'
    PowerShellVersion = '7.6'
    TypesToProcess    = @('Lora.Types.ps1xml')
    FunctionsToExport = @()
    CmdletsToExport   = @()
    VariablesToExport = @()
    AliasesToExport   = @()
}
