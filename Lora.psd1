@{
    RootModule             = 'Lora.psm1'
    ModuleVersion          = '0.2.0'
    GUID                   = '8a5b1fc2-1f0c-4bf0-81f8-957a0117e0a3'
    Author                 = 'The Lora contributors'
    CompanyName            = 'The Lora contributors'
    Copyright              = 'Copyright (c) The Lora contributors. MIT licence.'
    Description            = 'Fine-tunes language models with LoRA on your own machine, GPU or CPU, without Python: list a model''s modules, choose targets in the pipeline, train, and export the adapter in the PEFT format.'
    PowerShellVersion      = '7.6'
    CompatiblePSEditions   = @('Core')
    FormatsToProcess       = @('Lora.Format.ps1xml')
    CmdletsToExport        = @(
        'Install-LoraModel',
        'Get-LoraModule', 'Get-LoraAdapter', 'Compare-LoraAdapter', 'Edit-LoraAdapter', 'Merge-LoraAdapter', 'New-LoraConfig', 'Test-LoraTarget', 'Compare-LoraConfig',
        'Invoke-LoraTraining', 'Invoke-LoraSweep', 'Measure-LoraAdapter', 'Measure-LoraModule', 'Export-LoraAdapter', 'Export-LoraModel', 'Publish-LoraAdapter',
        'Test-LoraAdapter', 'Test-LoraDataset', 'Invoke-LoraGeneration', 'Enter-LoraChat',
        'Install-LoraRuntime', 'Test-LoraHost'
    )
    FunctionsToExport      = @()
    VariablesToExport      = @()
    AliasesToExport        = @()
    DscResourcesToExport   = @()
    PrivateData            = @{
        PSData = @{
            Tags                     = @('PSEdition_Core', 'Linux', 'Windows', 'LoRA', 'LLM', 'FineTuning', 'PEFT', 'TorchSharp', 'safetensors')
            LicenseUri               = 'https://opensource.org/license/mit'
            ProjectUri               = 'https://github.com/lora-powershell/lora'
            ReleaseNotes             = 'See CHANGELOG.md.'
            RequireLicenseAcceptance = $false
        }
    }
}
