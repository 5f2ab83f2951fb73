#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = Join-Path $PSScriptRoot '../examples/model'
    $run = @{
        Dataset           = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
        ValidationDataset = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
        MaxStep           = 4
        BatchSize         = 2
        Device            = 'cpu'
    }
    $config = New-LoraConfig -Model $model -TargetModule q_proj, down_proj -Rank 4

    function Get-AdapterHash($Folder) { (Get-FileHash (Join-Path $Folder adapter_model.safetensors)).Hash }
}

Describe 'Invoke-LoraSweep' {
    Context 'Points' {
        It 'are the combinations of a grid, the last name fastest, and train what a training alone trains' {
            $points = Invoke-LoraSweep -Config $config -Grid ([ordered]@{ Rank = 2, 4; LearningRate = 1e-3, 5e-3 }) @run -OutputPath 'TestDrive:/grid'
            $points.Name | Should -Be 'rank-2_learningrate-0.001', 'rank-2_learningrate-0.005', 'rank-4_learningrate-0.001', 'rank-4_learningrate-0.005'
            $points[3].Parameter.LearningRate | Should -Be 5e-3
            $points.Outcome | Should -Be (@('Completed') * 4)
            $null = $config | Invoke-LoraTraining @run -LearningRate 5e-3 -OutputPath 'TestDrive:/alone'
            Get-AdapterHash $points[3].Path | Should -Be (Get-AdapterHash 'TestDrive:/alone')
            ($points | Sort-Object Loss)[0].Perplexity | Should -BeExactly ([math]::Exp(($points.Loss | Measure-Object -Minimum).Minimum))
        }

        It 'are rows of a CSV file, whose texts are read and whose empty cells are not given' {
            'Rank,lr,Target,UseRsLora', '2,1e-3,"q_proj, v_proj",true', ',,down_proj,False' | Set-Content 'TestDrive:/points.csv'
            $points = Import-Csv 'TestDrive:/points.csv' | Invoke-LoraSweep -Config $config @run -MinimumLearningRate 0
            $points[0].Config.TargetModule | Should -Be 'q_proj', 'v_proj'
            $points[0].Config.UseRsLora | Should -BeTrue
            $points[0].Parameter.Keys | Should -Be 'Rank', 'LearningRate', 'TargetModule', 'UseRsLora'
            $points[1].Config.Rank | Should -Be 4
            $points[1].Config.UseRsLora | Should -BeFalse
        }

        It 'are configurations, each with every combination' {
            $points = 2, 4 | ForEach-Object { New-LoraConfig -Model $model -TargetModule q_proj -Rank $_ } | Invoke-LoraSweep -Grid @{ Seed = 1, 2 } @run
            $points | ForEach-Object { $_.Config.Rank } | Should -Be 2, 2, 4, 4
            $points.Parameter | ForEach-Object Seed | Should -Be 1, 2, 1, 2
            $points[0].Name | Should -Match '^config-rank-2-alpha-32-q_proj_seed-1-[0-9a-f]{8}$'
        }

        It 'have rows and blocks of their own' {
            $half = Join-Path $TestDrive half.jsonl
            Get-Content $run.Dataset -TotalCount 6 | Set-Content $half
            $points = @{ Dataset = $half }, @{ Layer = 2, 3; Epoch = 1 } | Invoke-LoraSweep -Config $config @run
            $points | Should -HaveCount 2
            $points[1].Config.LayersToTransform | Should -Be 2, 3
            $points[1].Parameter.Layer | Should -Be 2, 3
        }

        It 'that a sweep gave are points again' {
            $again = Invoke-LoraSweep -Config $config -Grid @{ LearningRate = 1e-3, 5e-3 } @run | Sort-Object Loss | Select-Object -First 1 |
                Invoke-LoraSweep @run -Grid @{ Seed = 7 }
            $again.Parameter.LearningRate | Should -Be 5e-3
            $again.Config.Rank | Should -Be 4
        }
    }

    Context 'Halving' {
        It 'lets one in four go on, and gives it last, with the bytes of a whole run' {
            $long = $run + @{}
            $long.MaxStep = 8
            $points = Invoke-LoraSweep -Config $config -Grid @{ LearningRate = 1e-5, 5e-3, 1e-4, 1e-3 } -Halving @long -OutputPath 'TestDrive:/halved'
            $points.Outcome | Should -Be 'Halved', 'Halved', 'Halved', 'Completed'
            $points.Step | Should -Be 2, 2, 2, 8
            $points[-1].Parameter.LearningRate | Should -Be 5e-3
            $null = $config | Invoke-LoraTraining @long -LearningRate 5e-3 -OutputPath 'TestDrive:/whole'
            Get-AdapterHash $points[-1].Path | Should -Be (Get-AdapterHash 'TestDrive:/whole')
        }
    }

    Context 'Results' {
        BeforeAll {
            $points = Invoke-LoraSweep -Config $config -Grid @{ Rank = 2, 4 } @run -OutputPath 'TestDrive:/results'
        }

        It 'are adapters, configurations and models' {
            $best = $points | Sort-Object Loss | Select-Object -First 1
            $best | Export-LoraAdapter 'TestDrive:/best'
            'TestDrive:/best/adapter_model.safetensors' | Should -Exist
            $points | Get-LoraAdapter | ForEach-Object Rank | Should -Be 2, 4
            $points | New-LoraConfig -Dropout 0.1 | ForEach-Object Rank | Should -Be 2, 4
            (Get-LoraModule $best -Include q_proj).Count | Should -Be 4
            [math]::Abs(($best | Measure-LoraAdapter -Dataset $run.ValidationDataset).Loss - $best.Loss) | Should -BeLessThan 1e-4
        }

        It 'come out of a file of Export-Clixml' {
            $points | Export-Clixml 'TestDrive:/points.xml'
            $read = Import-Clixml 'TestDrive:/points.xml'
            $read[1].Parameter.Rank | Should -Be 4
            "$($read[1])" | Should -Be "$($points[1])"
            $read | Get-LoraAdapter | ForEach-Object Rank | Should -Be 2, 4
        }

        It 'are a table of five columns' {
            ($points | Out-String -Width 80) -replace '\e\[[\d;]*m' | Should -Match '(?m)^ +1 +4 +\d\.\d{4} +[\d,]+\.\d\d rank-2\r?$'
        }
    }

    Context 'Going on' {
        It 'trains no finished point again, and a new one alone' {
            $first = Invoke-LoraSweep -Config $config -Grid @{ Seed = 1, 2 } @run -OutputPath 'TestDrive:/seeds'
            $written = (Get-Item (Join-Path $first[0].Path adapter_model.safetensors)).LastWriteTimeUtc
            { Invoke-LoraSweep -Config $config -Grid @{ Seed = 1, 2 } @run -OutputPath 'TestDrive:/seeds' } |
                Should -Throw -ErrorId 'LoraSweepExists,Lora.Commands.InvokeLoraSweepCommand'
            $second = Invoke-LoraSweep -Config $config -Grid @{ Seed = 1, 2, 3 } @run -OutputPath 'TestDrive:/seeds' -Resume
            $second.Loss[0, 1] | Should -Be $first.Loss
            $second | Should -HaveCount 3
            (Get-Item (Join-Path $first[0].Path adapter_model.safetensors)).LastWriteTimeUtc | Should -Be $written
        }

        It 'goes on after a stop' {
            $sweep = @{ Config = $config; Grid = @{ Seed = 1, 2, 3 }; OutputPath = 'TestDrive:/stopped' } + $run
            $null = Invoke-LoraSweep @sweep | Select-Object -First 1
            (Get-Content 'TestDrive:/stopped/sweep.json' -Raw | ConvertFrom-Json).points.outcome[0] | Should -Be Completed
            Invoke-LoraSweep @sweep -Resume | Should -HaveCount 3
        }

        It 'refuses other rows, by the name of the point' {
            $null = Invoke-LoraSweep -Config $config -Grid @{ Seed = 1 } @run -OutputPath 'TestDrive:/rows'
            $run.BatchSize = 3
            { Invoke-LoraSweep -Config $config -Grid @{ Seed = 1 } @run -OutputPath 'TestDrive:/rows' -Resume } |
                Should -Throw -ErrorId 'LoraResumeRefused,*' -ExpectedMessage "*point 'seed-1': BatchSize was '2' and is '3'*"
            $run.BatchSize = 2
        }
    }

    Context 'Mistakes' {
        It 'in names are told of all together, with the nearest' {
            { Invoke-LoraSweep -Config $config -Grid @{ Rnak = 4; LerningRate = 1e-3; Device = 'cpu' } @run } |
                Should -Throw -ErrorId 'LoraSweepValueInvalid,*' -ExpectedMessage '*Device*LearningRate is near*Rank*'
        }

        It 'in values name the value and the parameter' {
            { Invoke-LoraSweep -Config $config -Grid @{ Rank = 'many'; UseDora = 'maybe'; Schedule = 'Sine' } @run } |
                Should -Throw -ErrorId 'LoraSweepValueInvalid,*' -ExpectedMessage "*'many' is not a number*'Sine' is not one of Cosine*'maybe' is not true or false*"
        }

        It 'in values of a grid are told of all together' {
            { Invoke-LoraSweep -Config $config -Grid @{ Rank = 'many', 4, 'few'; Epoch = 1, 'one' } @run } |
                Should -Throw -ErrorId 'LoraSweepValueInvalid,*' -ExpectedMessage "*'one' is not a number*'many' is not a number*'few' is not a number*"
        }

        It 'in one point are an error with the point, and the others go on' {
            $points = @{ TargetModule = 'q_prj' }, @{ LearningRate = 1e20 }, @{ Rank = 2 } |
                Invoke-LoraSweep -Config $config @run -ErrorAction SilentlyContinue -ErrorVariable failed -WarningAction SilentlyContinue
            $points.Name | Should -Be 'rank-2'
            $failed.FullyQualifiedErrorId | Should -Be 'LoraTargetNotFound,Lora.Commands.InvokeLoraSweepCommand', 'LoraLossNotFinite,Lora.Commands.InvokeLoraSweepCommand'
            $failed.TargetObject.Name | Should -Be 'targetmodule-q_prj', 'learningrate-1e+20'
            $failed.TargetObject.Outcome | Should -Be 'Failed', 'Failed'
            "$($failed[0])" | Should -BeLike "Point 'targetmodule-q_prj': *"
            "$($failed[1])" | Should -BeLike "Point 'learningrate-1e+20': *"
        }

        It 'in an object leave it out' {
            $points = @{ Rank = 2 }, @{ Rnak = 4 } | Invoke-LoraSweep -Config $config @run -ErrorAction SilentlyContinue -ErrorVariable failed
            $points.Name | Should -Be 'rank-2'
            $failed.FullyQualifiedErrorId | Should -Be 'LoraSweepValueInvalid,Lora.Commands.InvokeLoraSweepCommand'
            $failed.TargetObject.Rnak | Should -Be 4
            "$failed" | Should -BeLike "Point 2: *'Rnak'*"
        }

        It 'are none in an empty pipeline, of which nothing comes' {
            @() | Invoke-LoraSweep -Config $config -Grid @{ Rank = 2, 4 } @run -ErrorAction Stop | Should -BeNullOrEmpty
        }
    }

    Context 'Caution' {
        It 'shows the points with -WhatIf and writes nothing' {
            $script = "Import-Module '$(Join-Path $PSScriptRoot '../Lora.psd1')'; Invoke-LoraSweep -Config @{ Model = '$model'; TargetModule = 'q_proj' } -Grid @{ Rank = 4, 8 } -Dataset '$($run.Dataset)' -OutputPath '$TestDrive/what-if' -WhatIf"
            $said = & (Get-Process -Id $PID).Path @(if ((Get-Process -Id $PID).ProcessName -eq 'dotnet') { [Environment]::GetCommandLineArgs()[0] }) -NoProfile -Command $script | Out-String
            $said | Should -Match "Train point 'rank-4'.*"
            $said | Should -Match "Train point 'rank-8'.*"
            'TestDrive:/what-if' | Should -Not -Exist
        }
    }
}
