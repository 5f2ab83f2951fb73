#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# An adapter, a configuration, a model in the forms that only a whole shell has; every other form is in the hosted tests' table.
BeforeAll {
    $manifest = (Resolve-Path (Join-Path $PSScriptRoot '../Lora.psd1')).ProviderPath
    Import-Module $manifest
    $model = (Resolve-Path (Join-Path $PSScriptRoot '../examples/model')).ProviderPath
    $dataset = Join-Path $TestDrive rows.jsonl
    '{"text": "The fox is red."}' | Set-Content $dataset
    $config = New-LoraConfig q_proj -Model $model -Rank 2
    $result = Invoke-LoraTraining $config -Dataset $dataset -MaxStep 1 -OutputPath 'TestDrive:/runs/one [x]'
    $result | Export-LoraAdapter 'TestDrive:/runs/two'
}

Describe 'Objects of the file system' {
    It 'are adapters, by their folders' {
        Get-ChildItem 'TestDrive:/runs' | Measure-LoraAdapter -Dataset $dataset | Should -HaveCount 2
    }

    It 'are adapters, by their files' {
        Get-ChildItem 'TestDrive:/runs' -Recurse -Filter adapter_config.json | Get-LoraAdapter | ForEach-Object Rank | Should -Be 2, 2
    }

    It 'are configurations' {
        Get-ChildItem 'TestDrive:/runs' -Recurse -Filter adapter_config.json | New-LoraConfig -Rank 4 | ForEach-Object Rank | Should -Be 4, 4
    }

    It 'are models' {
        Get-Item $model | Get-LoraModule -Include '**.0.**.q_proj' | Should -HaveCount 1
    }

    It 'are found by wildcards, and one of them to the letter' {
        Get-LoraAdapter 'TestDrive:/runs/*' | Should -HaveCount 2
        (Get-LoraAdapter 'TestDrive:/runs/one [x]').Path | Should -BeLike '*one `[x`]'
    }
}

Describe 'Objects of another session' {
    BeforeAll {
        $job = Start-Job -ArgumentList $manifest, $model, $dataset, (Join-Path $TestDrive job) {
            Import-Module $args[0]
            $config = New-LoraConfig q_proj -Model $args[1] -Rank 2 -RankPattern @{ q_proj = 4 }
            $config
            Invoke-LoraTraining $config -Dataset $args[2] -MaxStep 1 -OutputPath $args[3]
            Invoke-LoraTraining $config -Dataset $args[2] -MaxStep 1
        }
        $again, $written, $lost = $job | Receive-Job -Wait -AutoRemoveJob
    }

    It 'are configurations' {
        ($again | New-LoraConfig -Alpha 8).RankPattern | Should -Be 'q_proj=4'
    }

    It 'are adapters, when they were written' {
        ($written | Get-LoraAdapter).Module[0].Rank | Should -Be 4
        Merge-LoraAdapter $written, $result | Should -HaveCount 1
        $written | Export-LoraAdapter 'TestDrive:/of-the-job'
        'TestDrive:/of-the-job/adapter_model.safetensors' | Should -Exist
    }

    It 'say what to do when they were not' {
        $failure = { $lost | Export-LoraAdapter 'TestDrive:/nothing' -ErrorAction Stop } |
            Should -Throw -ErrorId 'LoraNotAnAdapter,Lora.Commands.ExportLoraAdapterCommand' -PassThru
        $failure.ErrorDetails.RecommendedAction | Should -BeLike '*-OutputPath*'
    }

    It 'come back from Import-Clixml and from JSON' {
        $result | Export-Clixml 'TestDrive:/result.xml'
        (Import-Clixml 'TestDrive:/result.xml' | Get-LoraAdapter).Rank | Should -Be 2
        ($config | ConvertTo-Json | ConvertFrom-Json | New-LoraConfig -Alpha 8).TargetModule | Should -Be q_proj
        ($config | ConvertTo-Json | ConvertFrom-Json -AsHashtable | New-LoraConfig -Alpha 8).TargetModule | Should -Be q_proj
    }
}

Describe 'A shell' {
    It 'asks for nothing that cannot be typed' {
        $shell = [powershell]::Create()
        $null = $shell.AddScript('Import-Module $args[0]; Invoke-LoraTraining -Model $args[1] -Dataset $args[2]').AddArgument($manifest).AddArgument($model).AddArgument($dataset)
        { $shell.Invoke() } | Should -Not -Throw
        $shell.Streams.Error[0].FullyQualifiedErrorId | Should -Be 'LoraConfigNotGiven,Lora.Commands.InvokeLoraTrainingCommand'
        $shell.Dispose()
    }

    It 'names a model once for all commands' {
        $PSDefaultParameterValues = @{ '*-Lora*:Model' = $model }
        New-LoraConfig v_proj | Test-LoraTarget -Entry | Should -HaveCount 1
    }

    It 'shows a written folder as Get-ChildItem does' {
        $folder = $result | Export-LoraAdapter 'TestDrive:/shown' -PassThru
        $folder.PSProvider.Name | Should -Be FileSystem
        $folder.PSParentPath | Should -Not -BeNullOrEmpty
    }

    It 'completes paths where an adapter is meant' {
        $location = Get-Location
        Set-Location 'TestDrive:/runs'
        $line = 'Export-LoraModel x -Adapter ./t'
        (TabExpansion2 $line $line.Length).CompletionMatches.ListItemText | Should -Be two
        Set-Location $location
    }
}
