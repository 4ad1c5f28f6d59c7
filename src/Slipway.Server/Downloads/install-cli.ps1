# Installs `depot`, the command that builds container images on the Slipway server that this script comes from:
#
#   irm @SERVER@/install-cli.ps1 | iex
#
# To read it first: irm @SERVER@/install-cli.ps1 -OutFile install-cli.ps1, then .\install-cli.ps1
#
#   $env:DEPOT_INSTALL_DIR      the folder to install into (default: .depot\bin in the user's folder)
#   $env:DEPOT_INSTALL_VERSION  the version (default: the newest)
#   $env:DEPOT_INSTALL_KEY      a PEM file with a public key: install only what its owner has signed (PowerShell 7)
#
# Nothing is installed before its checksum has been found right. All of it stands in a function, so that a script that arrives cut off does
# nothing, and so that `iex` leaves nothing behind.
function Install-Depot {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $server = '@SERVER@'
    $signingKey = '@SIGNING_KEY@'

    function Say($text) { Write-Host "install-cli: $text" }
    function Fail($text) { throw "install-cli: error: $text" }
    function Fetch($name, $file) {
        try { Invoke-WebRequest -UseBasicParsing -Uri "$server/cli/archives/$name" -OutFile $file }
        catch { Fail "could not download $server/cli/archives/${name}: $($_.Exception.Message). Nothing was installed; try again" }
    }

    # Windows on arm64 runs programs for x64; there is no other runtime for it to pack.
    $processor = switch ($env:PROCESSOR_ARCHITECTURE) { 'AMD64' { 'amd64' } 'ARM64' { 'amd64' } default { "$_".ToLowerInvariant() } }
    $wanted = if ($env:DEPOT_INSTALL_VERSION) { $env:DEPOT_INSTALL_VERSION.TrimStart('v') } else { 'latest' }
    $into = if ($env:DEPOT_INSTALL_DIR) { $env:DEPOT_INSTALL_DIR } else { Join-Path (Join-Path $HOME '.depot') 'bin' }
    if ($env:DEPOT_INSTALL_KEY) { $signingKey = Get-Content -Raw $env:DEPOT_INSTALL_KEY }
    if ($server -match '^http://(?!127\.|localhost|\[::1\])' -and -not $signingKey) {
        Say "warning: $server is plain HTTP: somebody on the way could put another depot in place of this one"
    }

    $work = Join-Path ([IO.Path]::GetTempPath()) ('depot-' + [Guid]::NewGuid().ToString('N'))
    New-Item -ItemType Directory $work | Out-Null
    try {
        $sums = Join-Path $work 'SHA256SUMS'
        Fetch 'SHA256SUMS' $sums
        if ($signingKey) {
            Fetch 'SHA256SUMS.sig' "$sums.sig"
            $key = [Security.Cryptography.ECDsa]::Create()
            if (-not $key.PSObject.Methods['ImportFromPem']) { Fail 'a signing key is configured, and this PowerShell cannot check signatures: use PowerShell 7' }
            $key.ImportFromPem($signingKey)
            $isSigned = $key.VerifyData([IO.File]::ReadAllBytes($sums), [IO.File]::ReadAllBytes("$sums.sig"),
                [Security.Cryptography.HashAlgorithmName]::SHA256, [Security.Cryptography.DSASignatureFormat]::Rfc3279DerSequence)
            if (-not $isSigned) { Fail "the checksums of $server are not signed by the configured key. Nothing was installed; tell the server's operator" }
        }

        # The list is sorted by version, so the last line that fits is the newest.
        $chosen = Get-Content $sums | ForEach-Object {
            if ($_ -match "^([0-9a-f]{64})  (depot_([^_]+)_windows_$processor\.zip)$" -and ($wanted -eq 'latest' -or $wanted -eq $Matches[3])) {
                @{ Sum = $Matches[1]; File = $Matches[2]; Version = $Matches[3] }
            }
        } | Select-Object -Last 1
        if (-not $chosen) { Fail "$server has no depot $wanted for windows/$processor; its operator makes it with ./build --all" }

        Say "downloading depot $($chosen.Version) for windows/$processor from $server"
        $archive = Join-Path $work $chosen.File
        Fetch $chosen.File $archive
        $arrived = (Get-FileHash -Algorithm SHA256 $archive).Hash.ToLowerInvariant()
        if ($arrived -ne $chosen.Sum) {
            Fail "what was downloaded is not $($chosen.File): its SHA-256 is $arrived instead of $($chosen.Sum). Nothing was installed; try again, and if it stays so tell the server's operator"
        }

        Expand-Archive -Path $archive -DestinationPath $work
        $new = Join-Path (Join-Path $work 'bin') 'depot.exe'
        $version = & $new --version
        if ($LASTEXITCODE -ne 0) { Fail "the depot for windows/$processor does not run on this machine. Nothing was installed; it needs Windows 11 or Server 2022 or newer" }

        New-Item -ItemType Directory -Force $into | Out-Null
        $target = Join-Path $into 'depot.exe'
        Set-Content -Path (Join-Path $into 'depot.server') -Value $server -Encoding Ascii
        Move-Item -Force $new $target
        Say "$version was installed to $target, for $server"
        if (($env:PATH -split [IO.Path]::PathSeparator) -notcontains $into) {
            Say "note: $into is not on PATH; for this session: `$env:PATH = `"$into;`$env:PATH`""
        }
    }
    finally { Remove-Item -Recurse -Force $work -ErrorAction SilentlyContinue }
}

Install-Depot
