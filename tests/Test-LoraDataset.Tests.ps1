#Requires -Version 7.6
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../Lora.psd1')
    $model = (Resolve-Path (Join-Path $PSScriptRoot '../examples/model')).ProviderPath
    $train = Join-Path $PSScriptRoot '../examples/data/animal-notes.train.jsonl'
    $validation = Join-Path $PSScriptRoot '../examples/data/animal-notes.validation.jsonl'
    $bad = Join-Path $TestDrive bad.jsonl
    '{"text": "The fox is red."}', '{"text": ', '{"text": "The fox is red."}', '{"text": "The hare."}' | Set-Content $bad

    # What a terminal gets, or a host without colours.
    function Show ([Parameter(ValueFromPipeline)] $InputObject, [string] $Rendering, [scriptblock] $View = { $input | Out-String -Width 120 }) {
        begin { $all = @() }
        process { $all += $InputObject }
        end {
            $before = $PSStyle.OutputRendering, [cultureinfo]::CurrentCulture
            try {
                # In some languages, English among them, PowerShell breaks lines between words and colours each word for itself.
                $PSStyle.OutputRendering, [cultureinfo]::CurrentCulture = $Rendering, [cultureinfo]::InvariantCulture
                ($all | & $View).Trim()
            }
            finally {
                $PSStyle.OutputRendering, [cultureinfo]::CurrentCulture = $before
            }
        }
    }
}

Describe 'Test-LoraDataset' {
    It 'gives an object a row' {
        $rows = Test-LoraDataset $train -Model $model
        $rows | Should -HaveCount 36
        $rows.Row | Should -Be (1..36)
        $rows[0] | Should -BeOfType [Lora.LoraDatasetRow]
        $rows[0].Text | Should -BeLike '<|begin|>What is a fox? Note: fox.*<|end|>'
        $rows[0].Supervised.Text | Should -BeLike ' Note: fox.*<|end|>'
        $rows | Where-Object Problem | Should -BeNullOrEmpty
    }

    It 'gives tokens that its ranges index' {
        $row = Test-LoraDataset $train -Model $model | Select-Object -First 1
        $range = $row.Supervised[0]
        -join $row.Token[$range.First..$range.Last] | Should -BeExactly $range.Text
        $range.Last - $range.First + 1 | Should -Be $row.SupervisedCount
        $row.TokenCount | Should -Be $row.Id.Count
    }

    It 'learns what a training learns' {
        $trained = New-LoraConfig q_proj -Model $model | Invoke-LoraTraining -Dataset $train -MaxStep 9 -BatchSize 4
        (Test-LoraDataset $train -Model $model | Measure-Object SupervisedCount -Sum).Sum |
            Should -Be ($trained.History | Measure-Object SupervisedToken -Sum).Sum
    }

    It 'finds bad rows with Where-Object, and ends at none' {
        $rows = Test-LoraDataset $bad -Model $model
        $rows | Should -HaveCount 4
        ($rows | Where-Object Problem).Row | Should -Be 2, 3
        $rows[1].Problem | Should -BeLike 'It is not JSON*'
        $rows[2].Problem | Should -Be 'It is the same as line 1.'
    }

    It 'finds rows of the validation set' {
        (Test-LoraDataset $train, $validation -Model $model -ValidationDataset @{ held = $validation } | Where-Object Problem).File |
            Select-Object -Unique | Should -BeLike '*animal-notes.validation.jsonl'
    }

    It 'answers with true or false' {
        if (Test-LoraDataset $bad -Model $model -Quiet) { throw 'Two rows are bad.' }
        Test-LoraDataset $train -Model $model -Quiet | Should -BeExactly $true
    }

    It 'cuts rows as it is told, and still gives their lengths' {
        $row = Test-LoraDataset $train -Model $model -MaxLength 20 | Select-Object -First 1
        $row.Truncated | Should -BeTrue
        $row.Id | Should -HaveCount 20
        $row.TokenCount | Should -BeGreaterThan 20
    }

    It 'loads no libtorch' {
        $loaded = Start-Job -ArgumentList (Join-Path $PSScriptRoot '../Lora.psd1'), $train, $model {
            param ($Manifest, $Dataset, $Model)
            Import-Module $Manifest
            (Test-LoraDataset $Dataset -Model $Model).Count
            (Get-Process -Id $PID).Modules.ModuleName -match 'torch_cpu|LibTorchSharp'
        } | Receive-Job -Wait -AutoRemoveJob
        $loaded | Should -Be 36
    }

    It 'is stopped by who has enough, long before the end of the file' {
        $long = Join-Path $TestDrive long.jsonl
        $writer = [System.IO.StreamWriter]::new($long)
        foreach ($number in 1..150000) { $writer.WriteLine("{`"text`": `"Row $number`"}") }
        $writer.Close()
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        (Test-LoraDataset $long -Model $model | Select-Object -First 5).Row | Should -Be (1..5)
        $first = $clock.Elapsed
        (Test-LoraDataset $long -Model $model | Measure-Object).Count | Should -Be 150000
        $first.TotalSeconds | Should -BeLessThan (($clock.Elapsed - $first).TotalSeconds / 3)
    }

    It 'takes files from the pipeline as one dataset' {
        $other = Copy-Item $bad (Join-Path $TestDrive 'other [1].jsonl') -PassThru
        $rows = Get-Item -LiteralPath $bad, $other | Test-LoraDataset -Model $model
        $rows | Should -HaveCount 8
        $rows[7].Problem | Should -BeLike 'It is the same as line 4 of*bad.jsonl*'
        $bad | Test-LoraDataset -Model $model -Quiet | Should -BeFalse
        Get-ChildItem $TestDrive -Filter none | Test-LoraDataset -Model $model | Should -BeNullOrEmpty
    }

    It 'takes rows from the pipeline as a training does' {
        $rows = 1, 2, 1 | ForEach-Object { [pscustomobject]@{ prompt = 'Say'; completion = " $_." } } | Test-LoraDataset -Model $model
        $rows.Row | Should -Be 1, 2, 3
        $rows[1].Supervised.Text | Should -BeExactly ' 2.<|end|>'
        $rows[2].Problem | Should -BeLike 'It is the same as*1.'
        @{ question = 'a'; answer = 'b' } | Test-LoraDataset -Model $model -ChatTemplate alpaca | ForEach-Object Format | Should -Be Chat
        Import-Csv (New-Item -Path (Join-Path $TestDrive rows.csv) -Value "text`na`nb") | Test-LoraDataset -Model $model | Should -HaveCount 2
        { $bad, @{ text = 'a' } | Test-LoraDataset -Model $model } | Should -Throw -ErrorId 'LoraConfigConflict,*'
        { Test-LoraDataset -Model $model } | Should -Throw -ErrorId 'LoraDatasetNotGiven,*'
        { 7 | Test-LoraDataset -Model $model } | Should -Throw -ErrorId 'LoraRowInvalid,*'
    }

    It 'shows a question with choices with the right one learned, and all of them' {
        $row = @{ question = 'The fox sleeps in'; choices = 'a den.', 'the sea.'; answer = 'a den.' } | Test-LoraDataset -Model $model
        $row.Format | Should -Be Choice
        $row.Text | Should -Match 'The fox sleeps in a den\.$'
        $row.Supervised.Text | Should -Be ' a den.'
        $row.Choice | Should -Be 'a den.', 'the sea.'
        (@{ question = 'x'; choices = 'a', 'b'; answer = 7 } | Test-LoraDataset -Model $model).Problem | Should -Match 'none of its 2 choices'
    }

    It 'needs a model' {
        { Test-LoraDataset $bad } | Should -Throw -ErrorId 'LoraModelNotKnown,Lora.Commands.TestLoraDatasetCommand'
    }

    It 'refuses a dataset that is not there' {
        { Test-LoraDataset ./missing -Model $model } | Should -Throw -ErrorId 'LoraPathNotFound,Lora.Commands.TestLoraDatasetCommand'
    }

    It 'reports a file of another form and goes on' {
        $other = Join-Path $TestDrive other.jsonl
        [System.IO.File]::WriteAllBytes($other, [byte[]](0x50, 0x4B, 3, 4, 0, 0))
        Test-LoraDataset $other, $bad -Model $model -ErrorAction SilentlyContinue -ErrorVariable failures | Should -HaveCount 4
        $failures[0].FullyQualifiedErrorId | Should -Be 'LoraDatasetForm,Lora.Commands.TestLoraDatasetCommand'
    }
}

Describe 'The view of a row' {
    BeforeAll {
        $row = Test-LoraDataset $train -Model $model | Select-Object -First 1
        $on = [regex]::Escape($PSStyle.Formatting.FormatAccent)
        $off = [regex]::Escape($PSStyle.Reset)
    }

    It 'marks what is learned' {
        $row | Show -Rendering Ansi | Should -Match "<\|begin\|>What is a fox\?$on Note: fox"
        $row | Show -Rendering Ansi -View { $input | Format-List | Out-String -Width 300 } | Should -Match "<\|begin\|>What is a fox\?$on Note: fox.*<\|end\|>$off"
    }

    It 'is plain where the shell is told so' {
        $plain = $row | Show -Rendering PlainText
        $plain | Should -Not -Match '\e'
        $plain | Should -Match '<\|begin\|>What is a fox\? Note: fox'
    }

    It 'is plain where the output goes to a file' {
        $row | Out-File (Join-Path $TestDrive row.txt)
        Get-Content (Join-Path $TestDrive row.txt) -Raw | Should -Not -Match '\e'
    }

    It 'is a table of <Width> columns at the most, under its file' -ForEach @{ Width = 80 }, @{ Width = 120 } {
        $lines = ($row | Show -Rendering PlainText -View { $input | Out-String -Width $Width }) -split '\r?\n'
        $lines[0] | Should -Be "File: $($row.File)"
        $lines[2] | Should -Match '^ *Row +TokenCount +Text +Problem'
        $lines | Select-Object -Skip 2 | ForEach-Object { $_.TrimEnd().Length } | Measure-Object -Maximum | ForEach-Object Maximum | Should -BeLessOrEqual $Width
    }

    It 'comes back from a job as it was' {
        $back = Start-Job -ArgumentList (Join-Path $PSScriptRoot '../Lora.psd1'), $train, $model {
            Import-Module $args[0]
            Test-LoraDataset $args[1] -Model $args[2] | Select-Object -First 1
        } | Receive-Job -Wait -AutoRemoveJob
        $back | Should -BeOfType [Lora.LoraDatasetRow]
        $back.Supervised[0].Text | Should -BeExactly $row.Supervised[0].Text
        $back.Id | Should -Be $row.Id
        $back | Show -Rendering Ansi | Should -Match $on
    }
}
