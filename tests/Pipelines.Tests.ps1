#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# What one cmdlet gives, another takes, with the shell's own cmdlets between them: lines as they are typed.
BeforeDiscovery {
    $lines = @(
        @{ Line = 'Get-LoraAdapter ./one | Export-LoraAdapter ./copy -PassThru | Get-LoraAdapter'; Type = 'Lora.LoraAdapterInfo' }
        @{ Line = 'Get-ChildItem ./one/adapter_config.json | Get-LoraAdapter'; Type = 'Lora.LoraAdapterInfo' }
        @{ Line = 'Get-ChildItem ./one, ./two -Filter adapter_config.json | Get-LoraAdapter | Merge-LoraAdapter'; Type = 'Lora.LoraAdapter' }
        @{ Line = 'Get-LoraAdapter -LiteralPath "./three [x]" | Merge-LoraAdapter'; Type = 'Lora.LoraAdapter' }
        @{ Line = 'Merge-LoraAdapter (Get-LoraAdapter ./one), $result'; Type = 'Lora.LoraAdapter' }
        @{ Line = 'Get-LoraAdapter ./one, ./two | Sort-Object Rank -Descending | Select-Object -First 1 | New-LoraConfig -Rank 8'; Type = 'Lora.LoraConfig' }
        @{ Line = '$config | New-LoraConfig -Rank 32'; Type = 'Lora.LoraConfig' }
        @{ Line = '$config | ConvertTo-Json | ConvertFrom-Json | Test-LoraTarget -Model ./model'; Type = 'Lora.LoraTargetInfo' }
        @{ Line = 'Get-LoraModule ./model | Group-Object Layer | ForEach-Object { $_.Group | Select-Object -First 1 } | Test-LoraTarget $config'; Type = 'Lora.LoraTargetInfo' }
        @{ Line = 'Get-LoraModule ./model | Where-Object Role -in q_proj, v_proj | Sort-Object Layer -Descending | New-LoraConfig'; Type = 'Lora.LoraConfig' }
        @{ Line = 'Get-LoraAdapter ./one | Measure-LoraAdapter -Dataset ./data.jsonl'; Type = 'Lora.LoraMeasurement' }
        @{ Line = 'Measure-LoraAdapter $result -Dataset ./data.jsonl'; Type = 'Lora.LoraMeasurement' }
        @{ Line = 'Get-Item ./one, ./two | Measure-LoraAdapter -Dataset ./data.jsonl -Together'; Type = 'Lora.LoraMeasurement' }
        @{ Line = 'Get-LoraAdapter ./one | Invoke-LoraTraining -Dataset ./data.jsonl -MaxStep 1'; Type = 'Lora.LoraTrainingResult' }
        @{ Line = '@{ Rank = 2; TargetModule = "q_proj" } | Invoke-LoraTraining -Model ./model -Dataset ./data.jsonl -MaxStep 1'; Type = 'Lora.LoraTrainingResult' }
        @{ Line = '$config | Invoke-LoraTraining -Dataset ./data.jsonl -MaxStep 1 | Invoke-LoraGeneration -Prompt "The fox" -MaxToken 2'; Type = 'Lora.LoraGeneration' }
        @{ Line = 'Get-LoraAdapter ./one, ./two | Invoke-LoraGeneration -Prompt "The fox" -Compare -MaxToken 2'; Type = 'Lora.LoraGeneration' }
        @{ Line = 'Get-Content ./data.jsonl | ConvertFrom-Json | Invoke-LoraGeneration -Adapter ./one -MaxToken 2 -Stream'; Type = 'Lora.LoraGenerationToken' }
        @{ Line = '$result | Export-LoraModel ./merged -PassThru | Get-LoraModule -Include q_proj'; Type = 'Lora.LoraModuleInfo' }
    )
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    Copy-Item (Join-Path $PSScriptRoot '../examples/model') 'TestDrive:/model' -Recurse
    Push-Location $TestDrive

    # A dataset made by the shell.
    'fox', 'owl', 'bee' |
        ForEach-Object { [pscustomobject]@{ prompt = "Tell me about the $_."; completion = " It is a $_." } } |
        ForEach-Object { $_ | ConvertTo-Json -Compress } |
        Set-Content ./data.jsonl
    $config = New-LoraConfig -Model ./model -TargetModule q_proj -Rank 2
    $result = $config | Invoke-LoraTraining -Dataset ./data.jsonl -MaxStep 1
    foreach ($folder in 'one', 'two', 'three [x]') {
        $result | Export-LoraAdapter -LiteralPath "./$folder"
    }
}

AfterAll {
    Pop-Location
}

Describe 'A pipeline' {
    It '<Line> gives <Type>' -ForEach $lines {
        $ErrorActionPreference = 'Stop'
        $WarningPreference = 'Stop'
        $given = & ([scriptblock]::Create($Line))
        $given | Should -Not -BeNullOrEmpty
        $given | ForEach-Object { $_.GetType().FullName } | Sort-Object -Unique | Should -Be $Type
    }
}

Describe '-WhatIf' {
    It 'leaves what is there as it is, -Force or not: <_>' -ForEach @(
        '$result | Export-LoraAdapter ./one -Force -WhatIf'
        '$result | Export-LoraModel ./one -Force -WhatIf'
        'Invoke-LoraTraining $config -Dataset ./data.jsonl -MaxStep 1 -OutputPath ./one -Force -WhatIf'
        'Invoke-LoraTraining $config -Dataset ./data.jsonl -MaxStep 1 -OutputPath ./nowhere -SaveStep 1 -WhatIf'
    ) {
        $snapshot = { Get-ChildItem $TestDrive -Recurse -File | Get-FileHash | ForEach-Object { "$($_.Path) $($_.Hash)" } }
        $before = & $snapshot
        & ([scriptblock]::Create($_)) | Should -BeNullOrEmpty
        & $snapshot | Should -Be $before
    }
}
